"""Sentences with a mark in front, for the terminal."""

from rich.table import Table
from rich.text import Text


def marked(mark: str, sentence: str | Text, style: str = "") -> Table:
    """Return a sentence whose further lines begin below its first word, and not below its mark."""
    text = sentence if isinstance(sentence, Text) else Text(sentence, style)
    table = Table.grid()
    table.add_column(no_wrap=True)
    # Folded, because a part of a long name is another name.
    table.add_column(overflow="fold")
    table.add_row(Text(f"  {mark} ", style), text)
    return table
