"""Texts of a gate that are cut, and stay whole as Markdown."""

import pytest

from gauntlet.campaigns.gate.outputs import text

PAGE = "\n".join(["before", "<details><summary>x</summary>", "", *["row"] * 50, "", "</details>"])
PAGE += "\n" + "after " * 20


@pytest.mark.parametrize("size", range(40, len(PAGE), 7))
def test_the_note_about_what_is_left_out_is_never_inside_of_details(size):
    found = text.shortened(PAGE, size, "*cut*")
    assert len(found.encode()) <= size
    lines = found.splitlines()
    assert lines[-1] == "*cut*"
    opened = [line for line in lines if line.startswith("<details>")]
    assert len(opened) == lines.count("</details>")


def test_a_short_text_is_not_changed():
    assert text.shortened(PAGE, len(PAGE), "*cut*") == PAGE
