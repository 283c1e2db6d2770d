"""Tables and paragraphs of the pages that campaigns write."""

import textwrap
from collections.abc import Sequence

_COLUMNS = 120


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def paragraph(text: str) -> str:
    """Return a paragraph in lines of the length of a page."""
    return textwrap.fill(text, _COLUMNS, break_long_words=False, break_on_hyphens=False)


def item(text: str) -> str:
    """Return an item of a list, in lines of the length of a page."""
    return textwrap.fill(f"- {text}", _COLUMNS, subsequent_indent="  ", break_long_words=False)
