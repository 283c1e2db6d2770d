"""The search for the highest rate that is held."""

import pytest

from benchmarks.load import durable


def search(capacity):
    """The rates tried on a system of this capacity, and the best that was held."""
    trials = []
    while (rate := durable.next_rate(trials)) is not None:
        trials.append(durable.Trial(rate, 0, 1.0, 10.0 if rate <= capacity else 9_999.0))
    held = [one.rate for one in trials if one.held]
    return len(trials), max(held, default=None)


def test_the_search_ends_where_rates_are_no_longer_told_apart():
    """Up to the first that is not held, or down to the first that is; then once between."""
    assert search(5000) == (3, pytest.approx(4930, abs=1))
    assert search(4000) == (3, 3750)
    assert search(6000) == (4, pytest.approx(5915, abs=1))


def test_the_search_has_an_end():
    """A system that holds everything, or nothing, is not searched for ever."""
    assert search(float("inf"))[0] == search(0)[0] == durable.TRIALS
    assert search(0)[1] is None


def test_a_loss_or_a_late_generator_is_not_held():
    """A rate counts only if all came and the load was on time."""
    assert durable.Trial(1, 0, 1.0, 1.0).held
    assert not durable.Trial(1, 1, 1.0, 1.0).held
    assert not durable.Trial(1, 0, 11.0, 1.0).held
