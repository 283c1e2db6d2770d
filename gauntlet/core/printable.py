"""Texts of files and servers, made harmless for terminals, pages and XML."""


def printable(text: str) -> str:
    """Return a text on one line, with `�` in place of control characters."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
