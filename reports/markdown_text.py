"""Texts from runs, made harmless for Markdown."""

_SPECIAL = "\\|<>`*_[]#~"


def markdown(text: str) -> str:
    """Return a text without markup, line breaks, and characters that cannot be written."""
    for character in _SPECIAL:
        text = text.replace(character, f"\\{character}")
    # `@name` would notify a person, and `#1` and `GH-1` would link to an issue.
    text = text.replace("@", "@\u200b").replace("GH-", "GH\u200b-")
    return " ".join(plain(text).split())


def plain(text: str) -> str:
    """Return a text whose lone surrogates and control characters are replaced."""
    text = text.encode(errors="replace").decode()
    return "".join(each if each.isprintable() or each in "\n\u200b" else "\ufffd" for each in text)
