"""Open-model schedules."""

import itertools

import pytest

from scenarios.arrivals import SCHEDULES, Stripe, constant, poisson

SECOND = 1_000_000_000


def test_constant_arrivals_are_evenly_spaced():
    """Number i is due at i / rate, and nothing is due at or after the end."""
    assert list(constant(4.0, 1.0, Stripe(), 1)) == [0, SECOND // 4, SECOND // 2, 3 * SECOND // 4]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_stripes_make_up_the_whole(workers):
    """However many workers there are, together they send what one would."""
    alone = list(constant(50.0, 2.0, Stripe(), 1))
    stripes = [constant(50.0, 2.0, Stripe(worker, workers), 1) for worker in range(workers)]
    assert sorted(offset for stripe in stripes for offset in stripe) == alone


def test_poisson_arrivals_keep_the_rate_and_differ_by_worker():
    """Gaps are random with the right mean, and the same seed gives the same times."""
    offsets = list(poisson(100.0, 100.0, Stripe(), 3))
    assert offsets == sorted(offsets)
    assert offsets == list(poisson(100.0, 100.0, Stripe(), 3))
    assert len(offsets) == pytest.approx(10_000, rel=0.05)
    gaps = [later - earlier for earlier, later in itertools.pairwise(offsets)]
    # Exponential gaps: 1 - 1/e of them are shorter than their mean.
    assert sum(gap < SECOND / 100 for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.02)
    assert list(poisson(50.0, 9.0, Stripe(0, 2), 3)) != list(poisson(50.0, 9.0, Stripe(1, 2), 3))


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_arrival_lies_outside_the_load(name):
    """Every schedule stays between zero and its length."""
    assert all(0 <= at < 3 * SECOND for at in SCHEDULES[name](97.0, 3.0, Stripe(1, 3), 5))
