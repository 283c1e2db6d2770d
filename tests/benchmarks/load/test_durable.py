"""The search for the highest rate that is held."""

import pytest

from benchmarks.load import durable


def search(capacity):
    """Return the number of trials on a system with a capacity, and the highest rate that held."""
    trials = []
    while (rate := durable.next_rate(trials)) is not None:
        trials.append(durable.RateTrial(rate, 0, 1.0, 10.0 if rate <= capacity else 9_999.0))
    held = [trial.rate for trial in trials if trial.held]
    return len(trials), max(held, default=None)


def test_the_search_ends_when_rates_are_closer_than_its_resolution():
    assert search(5000) == (4, pytest.approx(4930, abs=1))
    assert search(4000) == (5, 3750)
    assert search(6000) == (5, pytest.approx(5915, abs=1))


def test_a_rate_counts_as_failed_after_two_attempts():
    """A rate that failed once and then held is held, and the search goes up from it."""
    hiccup = durable.RateTrial(durable.START_RATE, 0, 80.0, 1300.0)
    held = hiccup._replace(response_p99_ms=30.0)
    assert durable.next_rate([hiccup]) == durable.START_RATE
    assert durable.next_rate([hiccup, held]) == durable.START_RATE * durable.STEP
    assert durable.next_rate([hiccup, hiccup]) == durable.START_RATE / durable.STEP


def test_the_search_ends_even_if_every_rate_or_none_is_held():
    assert search(float("inf"))[0] == search(0)[0] == durable.TRIALS
    assert search(0)[1] is None


def test_a_rate_with_losses_or_a_growing_queue_is_not_held():
    assert durable.RateTrial(1, 0, 1.0, 1.0).held
    assert not durable.RateTrial(1, 1, 1.0, 1.0).held
    assert not durable.RateTrial(1, 0, 1.0, 1001.0).held
