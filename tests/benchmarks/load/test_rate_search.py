"""The search for the highest rate that is held."""

from dataclasses import dataclass

import pytest

from benchmarks.load import rate_search
from benchmarks.load.rate_search import Found, RateTrial

START = 4500.0


@dataclass(frozen=True)
class Trial(RateTrial):
    """A trial of a system that holds every rate without losses."""

    @property
    def held(self):
        return self.lost == 0


def at(rate, lost=0):
    """Return a trial in which this many messages were lost."""
    return Trial(rate, lost, 1.0)


def search(capacity):
    """Return what was found on a system with a capacity, and how many rates were tried."""
    tried = []

    def try_rate(rate):
        tried.append(rate)
        return at(rate, 0 if rate <= capacity else 7)

    return rate_search.search(START, try_rate), len(tried)


def test_the_search_ends_when_rates_are_closer_than_its_resolution():
    def found(capacity):
        result, trials = search(capacity)
        return trials, result.best.rate

    assert found(5000) == (4, pytest.approx(4930, abs=1))
    assert found(4000) == (5, 3750)
    assert found(6000) == (5, pytest.approx(5915, abs=1))


def test_a_rate_counts_as_failed_after_two_attempts():
    """A rate that failed once and then held is held, and the search goes up from it."""

    def after(*trials):
        return rate_search.next_rate(START, trials)

    assert after(at(START, lost=1)) == START
    assert after(at(START, lost=1), at(START)) == START * rate_search.STEP
    assert after(at(START, lost=1), at(START, lost=1)) == START / rate_search.STEP


def test_the_search_ends_even_if_every_rate_or_none_is_held():
    all_held, most = search(float("inf"))
    none_held, least = search(0)
    assert most == least == rate_search.TRIALS
    assert all_held.failed is None
    assert none_held.best is None


def test_the_table_shows_what_was_held_and_the_lowest_rate_that_was_not():
    held, failed = at(5000.0), at(6000.0, lost=2)
    both = Found(held, failed)
    assert both.held_text == "5000/s: 0 lost, lag p99 1.0 ms"
    assert both.failed_text == "not held: 6000/s: 2 lost, lag p99 1.0 ms"
    assert both.reached(5000.0)
    assert not both.reached(5001.0)
    assert Found(None, failed).held_text == "none held; 6000/s: 2 lost, lag p99 1.0 ms"
    assert not Found(None, failed).reached(0.0)
    assert Found(held, None).failed_text == ""
