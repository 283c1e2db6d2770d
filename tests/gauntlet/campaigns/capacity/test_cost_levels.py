"""The levels from which unit costs are fitted."""

import pytest

from gauntlet.campaigns.capacity import cost_levels
from gauntlet.core.scenario import validation
from gauntlet.core.scenario.model import WorkloadShare

from .example import variation

GROUPS = {"group": WorkloadShare(size=10)}


def by_name(rate_per_s=200.0, fan_out=2.0, **changes):
    return {
        each.name: each for each in cost_levels.levels(variation(**changes), rate_per_s, fan_out)
    }


def test_there_are_levels_of_rate_users_rooms_and_handshakes_that_are_all_valid():
    found = by_name()
    assert len(found) == 10
    for each in found.values():
        assert not list(validation.problems(each.scenario))
        assert each.scenario.load.rate_per_s == each.rate_per_s <= 200
        assert each.scenario.sla == []


def test_levels_of_the_rate_stay_below_what_holds():
    found = by_name()
    rates = [found[f"rate-{percent}"].rate_per_s for percent in (15, 35, 60, 85)]
    assert rates == pytest.approx([30, 70, 120, 170])


def test_rooms_are_not_given_more_deliveries_than_what_holds():
    level = by_name(fan_out=2.0)["rooms"]
    assert level.rate_per_s * 19 == pytest.approx(0.6 * 200 * 2)
    assert by_name(fan_out=50.0)["rooms"].rate_per_s == 120


def test_users_leave_and_return_again_and_again_within_the_load():
    load = by_name()["handshakes-60"].scenario.load
    storms = load.shares()["reconnect_storm"]
    assert len(storms.at) >= 3
    assert all(load.ramp < at < load.duration_s - storms.offline for at in storms.at)
    assert storms.weight < 0.01


def test_a_level_that_the_workload_does_not_allow_is_left_out():
    found = by_name(workload=GROUPS, users=20)
    assert "users-40" not in found
    assert "users-160" in found
