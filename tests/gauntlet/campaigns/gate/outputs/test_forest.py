"""Changes are drawn so that the right is worse, and limits are at the same place."""

import math

import pytest

from gauntlet.campaigns.gate.outputs import forest

from . import gates
from .example import compared


def rows(*comparisons, runs=()):
    return forest.rows(comparisons, runs)


def test_limits_of_all_rows_are_at_the_same_place():
    one, other = rows(compared(min_effect=0.08), compared(min_effect=0.5))
    assert one.limit == other.limit > one.zero == forest.WIDTH / 2


def test_the_right_is_worse_for_every_figure():
    slower = compared(ratio=1.05, low=1.02, high=1.08)
    fewer = compared(ratio=0.95, low=0.92, high=0.98, lower_is_better=False)
    for row in rows(slower, fewer):
        assert row.zero < row.low < row.dot < row.high <= row.end


def test_a_change_of_the_limit_is_drawn_at_the_limit():
    for each in (
        compared(ratio=1.1, low=1.05, high=1.15),
        compared(ratio=0.9, low=0.88, high=0.95, lower_is_better=False),
    ):
        (row,) = rows(each)
        assert row.dot == pytest.approx(row.limit, abs=0.2)


def test_what_is_beyond_the_scale_is_marked_at_its_end():
    (row,) = rows(compared(ratio=3.0, low=0.2, high=50.0))
    assert row.beyond_left
    assert row.beyond_right
    assert 0 <= row.low < row.high <= forest.WIDTH
    (row,) = rows(compared(ratio=1.0, low=0.99, high=1.01))
    assert not row.beyond_left
    assert not row.beyond_right


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 0.0, -1.0])
def test_without_an_interval_nothing_is_drawn(value):
    for name in ("ratio", "low", "high"):
        assert rows(compared(**{name: value})) == [None]


@pytest.mark.parametrize("share", [0.0, 1.0, 5.0, math.nan, math.inf])
@pytest.mark.parametrize("lower_is_better", [True, False])
def test_every_limit_can_be_drawn(share, lower_is_better):
    (row,) = rows(compared(min_effect=share, lower_is_better=lower_is_better))
    assert row.zero < row.limit < row.end


def test_the_pairs_that_decided_are_drawn():
    runs = gates.in_pairs(gates.SLOWER)
    assert forest.pairs(gates.acks(count=3), runs) == pytest.approx(gates.SLOWER[:3])
    assert forest.pairs(gates.acks(indicator="stack_cores"), runs) == []


def test_a_pair_without_a_usable_value_is_left_out():
    first, *rest = gates.in_pairs(gates.EQUAL)
    broken = gates.measured(1, "reference", 1.0, values={"ack_p50_ms@steady": math.nan})
    assert forest.pairs(gates.acks(), [broken, *rest]) == pytest.approx(gates.EQUAL[1:])
    assert first.version == "reference"


def test_too_many_pairs_are_not_drawn():
    runs = gates.in_pairs([1.0] * 100)
    assert len(forest.pairs(gates.acks(count=60), runs)) == 60
    assert forest.pairs(gates.acks(count=100), runs) == []


def test_no_comparisons_have_no_rows():
    assert rows() == []
