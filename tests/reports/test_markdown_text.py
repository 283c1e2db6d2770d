"""Texts from runs have no effect in Markdown."""

import pytest

from gauntlet.reports.markdown_text import markdown, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("**bold** [x](y)", "\\*\\*bold\\*\\* \\[x\\](y)"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("one\n\ntwo\u2028three", "one two\ufffdthree"),
        ("cc @team, see #12 and GH-7", "cc @\u200bteam, see \\#12 and GH\u200b-7"),
        ("\ud800", "?"),
        ("\x1b[31m", "\ufffd\\[31m"),
    ],
)
def test_markup_mentions_and_line_breaks_are_neutralised(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_plain_text_keeps_its_lines_and_its_script() -> None:
    assert plain("héllo\nمرحبا") == "héllo\nمرحبا"
