"""A factor is drawn on a log scale whose middle is no change."""

import pytest

from gauntlet.reports.render import interval_bar


def test_no_change_is_in_the_middle_and_half_and_twice_are_equally_far():
    assert interval_bar.layout({"factor": 1.0, "interval": None})["dot"] == interval_bar.WIDTH / 2
    low, high = (
        interval_bar.layout({"factor": factor, "interval": None})["dot"] for factor in (0.5, 2.0)
    )
    assert low + high == pytest.approx(interval_bar.WIDTH)


def test_the_bar_spans_the_interval_and_ends_at_the_scale():
    found = interval_bar.layout({"factor": 1.5, "interval": [1.2, 90.0]})
    assert found["one"] < found["x"] < found["dot"] < found["x"] + found["width"]
    assert found["x"] + found["width"] <= interval_bar.WIDTH


def test_a_scale_can_end_with_any_factor_and_have_any_width():
    assert interval_bar.place(1.0, 1.1, 200) == 100
    assert interval_bar.place(1.1, 1.1, 200) == interval_bar.place(9.0, 1.1, 200) > 190
    assert interval_bar.place(1 / 1.1, 1.1, 200) == interval_bar.place(0.0, 1.1, 200) < 10


@pytest.mark.parametrize("factor", [None, 0.0])
def test_a_figure_without_a_factor_has_no_bar(factor):
    assert interval_bar.layout({"factor": factor, "interval": None}) is None
