"""The search for the fewest items with which something still fails."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.campaigns.storm.shrinking import shrink


class Tried:
    """A test that fails for every subset that contains all of `needed`."""

    def __init__(self, needed):
        self.needed = set(needed)
        self.subsets = []

    def __call__(self, subset):
        self.subsets.append(subset)
        return self.needed <= set(subset)


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_exactly_the_needed_items_are_found(case):
    size, needed = case
    tried = Tried(needed)
    found = shrink(range(size), tried, attempts=10_000)
    assert found.items == tuple(sorted(needed))
    assert found.minimal
    assert found.attempts == len(tried.subsets)


@given(st.integers(1, 12), st.integers(0, 2**12 - 1))
def test_no_subset_is_tried_twice(size, mask):
    tried = Tried(n for n in range(size) if mask >> n & 1)
    shrink(range(size), tried, attempts=10_000)
    assert len(tried.subsets) == len(set(tried.subsets))


def test_a_failure_without_any_item_is_found_at_once():
    tried = Tried(())
    assert shrink("abc", tried, attempts=5) == ((), 1, True)
    assert tried.subsets == [()]


@pytest.mark.parametrize("attempts", range(6))
def test_when_the_attempts_are_used_up_the_smallest_known_failure_is_returned(attempts):
    tried = Tried([0, 7])
    found = shrink(range(8), tried, attempts)
    assert not found.minimal
    assert found.attempts == attempts
    assert {0, 7} <= set(found.items)


def test_one_of_eight_items_is_found_in_few_attempts():
    for needed in range(8):
        assert shrink(range(8), Tried([needed]), attempts=8).items == (needed,)


def test_any_of_several_causes_is_enough():
    """Two causes of the same failure: one of them is left out."""
    found = shrink(range(6), lambda subset: bool({1, 4} & set(subset)), attempts=50)
    assert found.items in [(1,), (4,)]


def test_the_result_has_failed_even_where_failures_come_and_go():
    answers = itertools.cycle([False, True, False])
    seen = {}

    def fails(subset):
        seen[subset] = next(answers)
        return seen[subset]

    found = shrink(range(9), fails, attempts=40)
    assert found.items == tuple(range(9)) or seen[found.items]
