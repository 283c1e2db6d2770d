"""The records of repeated searches and of predicted mixes."""

import pytest

from benchmarks.capacity import records
from benchmarks.capacity.records import Record
from gauntlet.campaigns.capacity.record import Estimate, UnitCost


def found(kind="search", **fields):
    plain = {"subject": "a", "commit": None, "date": "2026-11-29", "command": "gauntlet capacity"}
    return Record(kind=kind, **{**plain, **fields})


def searches(*lows, **fields):
    return [found(low=low, high=low * 1.1, **fields) for low in lows]


def test_the_spread_is_that_of_the_bounds_that_held():
    assert records.spread(searches(190, 200, 210)) == pytest.approx(0.1)
    assert records.spread([]) is None


def test_five_searches_within_the_spread_reach_the_target_and_four_prove_nothing():
    (row,) = records.rows(searches(190, 195, 200, 205, 210))
    assert row.met is True
    (row,) = records.rows(searches(190, 195, 200, 205))
    assert row.met is None
    (row,) = records.rows(searches(190, 195, 200, 205, 260))
    assert row.met is False


@pytest.mark.parametrize(
    ("bounded", "unbounded", "measured", "met"),
    [
        (1, 4, "0.0% of 1, 4 without a bound", False),
        (5, 1, "0.0% of 5, 1 without a bound", False),
        (0, 5, "no bound", False),
        (3, 1, "0.0% of 3, 1 without a bound", None),
        (0, 1, "no bound", None),
    ],
)
def test_a_search_without_a_bound_has_not_repeated_those_of_the_others(
    bounded, unbounded, measured, met
):
    (row,) = records.rows([*searches(*[200] * bounded), *[found(high=100)] * unbounded])
    assert (row.measured, row.met) == (measured, met)


def test_searches_of_other_loads_have_rows_of_their_own():
    rows = records.rows([*searches(100, 100), *searches(500, 500, subject="b")])
    assert [row.measured for row in rows] == ["0.0% of 2", "0.0% of 2"]


def cost(tier, fixed, resource="cpu_s", **per):
    values = {key: Estimate(value=each, low=None, high=None) for key, each in per.items()}
    return UnitCost(
        component=tier, tier=tier, resource=resource, per=values, instances=1, levels=8,
        fixed=Estimate(value=fixed, low=None, high=None), measured_range={}, residual=0.0,
    )  # fmt: skip


def test_the_cpu_of_a_mix_is_predicted_by_tier():
    costs = [cost("edge", 0.1, delivery=1e-3), cost("edge", 9e9, "memory_bytes")]
    assert records.predicted(costs, {"delivery": 500.0, "message": 10.0}) == {"edge": 0.6}


@pytest.mark.parametrize(
    ("measured", "met"), [(1.0, True), (1.3, False), (0.9, True), (0.8, False)]
)
def test_a_mix_is_predicted_within_a_fifth_of_what_was_measured(measured, met):
    (row,) = records.rows([found("mix", mix="one-to-one", predicted=1.0, measured=measured)])
    assert row.met is met


def test_the_last_trusted_record_of_a_mix_counts():
    rows = records.rows(
        [
            found("mix", mix="rooms", predicted=1.0, measured=2.0),
            found("mix", mix="rooms", predicted=1.0, measured=1.1),
            found("mix", mix="rooms", predicted=1.0, measured=9.0, trusted=False),
        ]
    )
    assert [row.met for row in rows] == [True]


def test_a_mix_without_a_figure_proves_nothing():
    assert records.error(found("mix", mix="rooms", predicted=None, measured=None)) is None
    assert records.rows([found("mix", mix="rooms")])[0].met is None
