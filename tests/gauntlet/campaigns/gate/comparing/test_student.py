"""Student's distribution, compared with printed tables."""

import math

import pytest

from gauntlet.campaigns.gate.comparing import student

# Quantiles of tables: one-sided share above, degrees of freedom.
TABLE = [
    (0.05, 1, 6.314),
    (0.01, 1, 31.821),
    (0.01, 4, 3.747),
    (0.025, 10, 2.228),
    (0.005, 14, 2.977),
    (0.001, 9, 4.297),
    (0.05, 120, 1.658),
]


@pytest.mark.parametrize(("share", "freedom", "t"), TABLE)
def test_quantiles_and_shares_are_those_of_the_tables(share, freedom, t):
    assert student.quantile(1 - share, freedom) == pytest.approx(t, abs=0.001)
    assert student.share_above(t, freedom) == pytest.approx(share, rel=0.002)


def test_the_distribution_is_symmetric():
    assert student.share_above(-2.0, 7) == pytest.approx(1 - student.share_above(2.0, 7))
    assert student.quantile(0.1, 7) == pytest.approx(-student.quantile(0.9, 7))
    assert student.share_above(0.0, 7) == pytest.approx(0.5)


def test_infinite_values_have_nothing_above_or_everything():
    assert student.share_above(math.inf, 4) == 0
    assert student.share_above(-math.inf, 4) == 1
