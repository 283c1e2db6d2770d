"""Figures of a plan."""

import math

import pytest

from gauntlet.campaigns.plan.figures import Basis, measured


@pytest.mark.parametrize(
    "ends", [(1.0, 2.0, 3.0), (3.0, 2.0, 1.0), (2.0, 3.0, 1.0), (1.0, 1.0, 3.0)]
)
def test_the_interval_of_a_figure_contains_its_value(ends):
    figure = measured(ends, "s", 1.0)
    assert figure.value == ends[1]
    assert (figure.low, figure.high) == (1.0, 3.0)


def test_an_end_that_is_infinite_is_written_as_a_text():
    figure = measured([math.inf, 2.0, 1.0], "s", 1.0)
    assert (figure.low, figure.value, figure.high) == (1.0, 2.0, "inf")


@pytest.mark.parametrize(("beyond", "basis"), [(1.01, Basis.MEASURED), (1.1, Basis.EXTRAPOLATED)])
def test_a_figure_is_extrapolated_if_it_rests_on_more_load_than_was_measured(beyond, basis):
    figure = measured([1.0, 2.0, 3.0], "s", beyond)
    assert figure.basis is basis
    assert figure.beyond == (beyond if basis is Basis.EXTRAPOLATED else None)
