"""Cells of tables that people open as spreadsheets."""

import pytest

from gauntlet.campaigns.csv_cells import cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1", "\n＠x"])
def test_no_text_becomes_a_formula(text):
    assert cell(text) == f"'{text.strip()}"


def test_a_cell_has_one_line_and_can_be_written():
    assert cell("a\nb\r\nc") == "a b c"
    assert str(cell("\ud800")).encode() == b"?"


def test_numbers_and_plain_texts_stay_what_they_are():
    assert cell(-1.5) == -1.5
    assert cell("edge") == "edge"
    assert cell(None) == ""
