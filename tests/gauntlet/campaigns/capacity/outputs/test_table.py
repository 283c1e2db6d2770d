"""The record as CSV."""

import pytest

from gauntlet.campaigns.capacity.outputs import table


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "  =1", "\t=1"])
def test_no_text_is_a_formula(text):
    assert str(table.cell(text)).startswith("'")


def test_a_cell_has_one_line_and_can_be_written():
    assert table.cell("a\nb\r\nc") == "a b c"
    assert table.cell("\ud800").encode() == b"?"


def test_numbers_stay_numbers_and_nothing_stays_empty():
    assert table.cell(-1.5) == -1.5
    assert table.cell(None) == ""
