"""Sentences with a mark in front."""

import io

from rich.console import Console
from rich.text import Text

from gauntlet.core.marked_text import marked


def shown(sentence, width=24):
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(marked("!", sentence))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_the_lines_of_a_sentence_begin_below_its_first_word():
    assert shown("The load was not calm outside of faults.") == [
        "  ! The load was not",
        "    calm outside of",
        "    faults.",
    ]


def test_a_sentence_is_no_markup():
    assert shown("[red]x[/red]") == ["  ! [red]x[/red]"]
    assert shown(Text("[red]x[/red]")) == ["  ! [red]x[/red]"]


def test_a_name_that_is_longer_than_a_line_is_shown_whole():
    assert "".join(line[4:] for line in shown("x" * 50)) == "x" * 50
