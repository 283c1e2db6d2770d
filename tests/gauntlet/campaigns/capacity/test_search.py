"""The search of the highest level that holds."""

import random

import pytest

from gauntlet.campaigns.capacity import search
from gauntlet.campaigns.capacity.search import (
    SearchPlan,
    TrialResult,
    is_bracketed,
    next_level,
    outcome,
)

PLAN = SearchPlan("rate_per_s", "steady", start=100, least=1)


def searched(plan, judge):
    """Return the trials of a whole search of a system that `judge` describes."""
    trials = []
    while (level := next_level(plan, trials)) is not None:
        found = judge(level)
        trials.append(TrialResult(level, found, "" if found == "held" else f"{found} at {level:g}"))
        assert len(trials) <= plan.trials_max
    return trials


@pytest.mark.parametrize("capacity", [3, 17, 100, 433, 99_999])
@pytest.mark.parametrize("resolution", [0.05, 0.2])
def test_a_system_with_a_sharp_limit_is_bracketed_from_above_and_below(capacity, resolution):
    plan = PLAN._replace(resolution=resolution)
    trials = searched(plan, lambda level: "held" if level <= capacity else "failed")
    found = outcome(plan, trials)
    assert found.low <= capacity < found.high
    assert found.high <= found.low * (1 + resolution) + 1e-6
    assert found.repeats == 3
    assert is_bracketed(plan, found)
    assert found.limited_by == f"failed at {found.high:g}"


def test_both_bounds_are_repeated_and_the_confidence_is_that_of_their_majorities():
    found = outcome(PLAN, searched(PLAN, lambda level: "held" if level <= 433 else "failed"))
    assert found.confidence == pytest.approx(1 - 2 / 8)
    five = PLAN._replace(repeats=5)
    found = outcome(five, searched(five, lambda level: "held" if level <= 433 else "failed"))
    assert found.confidence == pytest.approx(1 - 2 / 32)


def test_a_bound_that_only_seemed_to_hold_is_given_up():
    seen = []

    def judge(level):
        seen.append(level)
        if 400 < level <= 480:  # holds by luck the first time
            return "held" if seen.count(level) == 1 else "failed"
        return "held" if level <= 400 else "failed"

    found = outcome(PLAN, searched(PLAN, judge))
    assert found.low <= 400 < found.high


def test_the_generator_as_the_limit_is_no_bound_of_the_system():
    found = outcome(PLAN, searched(PLAN, lambda level: "held" if level <= 300 else "refused"))
    assert found.low == pytest.approx(300, rel=0.1)
    assert found.high is None
    assert not is_bracketed(PLAN, found)
    assert found.limited_by.startswith("refused at")
    assert found.confidence == pytest.approx(1 - 1 / 8)


def test_a_refused_level_is_tried_once_more():
    seen = []

    def judge(level):
        seen.append(level)
        if level == 200 and seen.count(level) == 1:
            return "refused"
        return "held" if level <= 433 else "failed"

    assert outcome(PLAN, searched(PLAN, judge)).low == pytest.approx(433, rel=0.1)
    assert seen.count(200) == 2


def test_a_level_that_held_above_one_that_failed_proves_nothing():
    trials = [
        TrialResult(100, "held"),
        *[TrialResult(150, "failed")] * 3,
        *[TrialResult(200, "held")] * 3,
    ]
    found = outcome(PLAN, trials)
    assert (found.low, found.high) == (100, 150)


def test_a_refused_level_below_one_that_held_bounds_nothing():
    trials = [
        TrialResult(50, "refused"),
        TrialResult(50, "refused"),
        TrialResult(100, "held"),
        TrialResult(200, "failed"),
    ]
    found = outcome(PLAN, trials)
    assert (found.low, found.high) == (100, 200)
    assert next_level(PLAN, trials) == 141


def test_a_refused_level_between_the_bounds_leaves_a_gap():
    trials = [
        *[TrialResult(100, "held")] * 3,
        *[TrialResult(109, "refused", "busy")] * 2,
        TrialResult(200, "failed"),
    ]
    found = outcome(PLAN, trials)
    assert (found.low, found.high, found.limited_by) == (100, 200, "busy")
    assert next_level(PLAN, trials) is None
    assert not is_bracketed(PLAN, found)


def test_nothing_is_claimed_if_every_level_is_refused():
    found = outcome(PLAN, searched(PLAN, lambda _level: "refused"))
    assert (found.low, found.high, found.confidence, found.repeats) == (None, None, 0.0, 0)
    assert not is_bracketed(PLAN, found)


def test_a_system_that_holds_nothing_has_only_an_upper_bound():
    found = outcome(PLAN, searched(PLAN, lambda _level: "failed"))
    assert found.low is None
    assert found.high == 1
    assert not is_bracketed(PLAN, found)


def test_the_search_ends_at_its_upper_limit():
    plan = PLAN._replace(most=250)
    found = outcome(plan, searched(plan, lambda _level: "held"))
    assert (found.low, found.high) == (250, None)
    assert is_bracketed(plan, found)
    assert "upper limit" in found.limited_by


def test_connections_are_whole_and_end_one_apart():
    plan = PLAN._replace(what="connections", least=2, resolution=0.01, start=8)
    trials = searched(plan, lambda level: "held" if level <= 21 else "failed")
    assert all(each.level == int(each.level) for each in trials)
    found = outcome(plan, trials)
    assert (found.low, found.high) == (21, 22)
    assert is_bracketed(plan, found)


def test_a_search_goes_on_where_it_was_stopped():
    def judge(level):
        return "held" if level <= 433 else "failed"

    whole = searched(PLAN, judge)
    for count in range(len(whole)):
        following = next_level(PLAN, whole[:count])
        assert following == whole[count].level


def test_a_search_of_a_noisy_system_ends_and_is_close():
    stream = random.Random(3)
    for _ in range(50):
        trials = searched(
            PLAN, lambda level: "held" if level < 433 * stream.gauss(1, 0.05) else "failed"
        )
        found = outcome(PLAN, trials)
        assert 0.75 * 433 < found.low < 1.25 * 433


def test_the_number_of_trials_is_limited():
    plan = PLAN._replace(trials_max=3)
    assert len(searched(plan, lambda _level: "held")) == 3
    assert outcome(plan, []).limited_by == "Nothing was tried."


def test_a_level_has_three_digits_and_stays_within_the_limits():
    assert search.rounded(PLAN, 1234.56) == 1230
    assert search.rounded(PLAN, 0.2) == 1
    assert search.rounded(PLAN._replace(most=50), 70) == 50
