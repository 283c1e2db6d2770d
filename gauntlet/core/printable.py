"""Texts of files and servers, made harmless for terminals, pages and XML."""

SHOWN_CHARACTERS = 60  # of a value in an error message


def printable(text: str) -> str:
    """Return a text on one line, with `�` in place of control characters."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def shortened(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Return a text of at most so many characters; `…` stands for what was left out."""
    return text if len(text) <= most else text[: most - 1] + "…"
