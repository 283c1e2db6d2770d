"""Unit costs by regression."""

import numpy as np
import pytest

from gauntlet.campaigns.capacity import regression

TRUE = {"message": 2e-3, "connection": 1e-4, "handshake": 5e-3, "delivery": 3e-4}
FIXED = 0.05


def campaign(noise=0.0, seed=1, levels=12):
    """Return the counts of some levels, and a use with known costs."""
    stream = np.random.default_rng(seed)
    counts = {
        "message": stream.uniform(20, 300, levels),
        "connection": stream.uniform(20, 200, levels),
        "handshake": stream.uniform(0, 20, levels),
        "delivery": stream.uniform(100, 3000, levels),
    }
    use = FIXED + sum(TRUE[name] * column for name, column in counts.items())
    return counts, use * (1 + noise * stream.standard_normal(levels))


def test_known_costs_are_found():
    found = regression.fit(*campaign())
    assert found.fixed.value == pytest.approx(FIXED)
    assert {name: cost.value for name, cost in found.per.items()} == pytest.approx(TRUE)
    assert found.residual == pytest.approx(0, abs=1e-9)
    assert found.levels == 12


def test_a_mix_that_was_not_measured_is_predicted():
    found = regression.fit(*campaign(noise=0.05))
    mix = {"message": 100, "connection": 50, "handshake": 5, "delivery": 4900}
    truth = FIXED + sum(TRUE[name] * count for name, count in mix.items())
    assert found.predict(mix) == pytest.approx(truth, rel=0.2)


def test_the_intervals_cover_the_truth_about_as_often_as_they_say():
    covered = [
        cost.low <= TRUE[name] <= cost.high
        for seed in range(100)
        for name, cost in regression.fit(*campaign(noise=0.05, seed=seed)).per.items()
    ]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_no_cost_is_negative():
    counts, use = campaign()
    use = use - 2 * FIXED - TRUE["handshake"] * counts["handshake"] * 1.5
    found = regression.fit(counts, use)
    for cost in (found.fixed, *found.per.values()):
        assert cost.value >= 0
        assert 0 <= cost.low <= cost.value <= cost.high
    assert found.fixed.value == 0


def test_too_few_levels_have_no_fit():
    counts, use = campaign(levels=5)
    assert regression.fit(counts, use) is None


def test_repetitions_of_a_level_are_no_further_levels():
    counts, _ = campaign(levels=4)
    again = {name: [*column, *(column * 1.001)] for name, column in counts.items()}
    assert regression.distinct(again) == 4


def test_a_regressor_that_does_not_vary_is_left_out():
    counts, use = campaign()
    counts["connection"] = np.full(12, 200.0)
    found = regression.fit(counts, use)
    assert "connection" not in found.per
    assert "did not vary" in found.left_out["connection"]


def test_a_regressor_that_follows_from_another_is_left_out():
    counts, use = campaign()
    counts["delivery"] = counts["message"] * 1.9
    found = regression.fit(counts, use)
    assert "delivery" not in found.per
    assert "cannot be told from" in found.left_out["delivery"]


def test_a_level_without_a_figure_is_left_out():
    counts, use = campaign()
    use[3] = np.nan
    assert regression.fit(counts, use).levels == 11


def test_no_interval_is_stated_without_a_degree_of_freedom():
    counts, use = campaign(levels=6)
    counts["other"] = np.array([1.0, 9.0, 2.0, 8.0, 3.0, 5.0])
    found = regression.fit(counts, use)
    assert found is not None
    assert any(cost.low is None for cost in (found.fixed, *found.per.values()))
