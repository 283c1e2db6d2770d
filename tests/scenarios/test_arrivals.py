"""Open-model schedules."""

import itertools

import pytest

from scenarios.arrivals import SCHEDULES, Profile, Stripe, Surge, constant, poisson

SECOND = 1_000_000_000


def test_constant_arrivals_are_evenly_spaced():
    """Number i is due at i / rate, and nothing is due at or after the end."""
    assert list(constant(Profile(4.0, 1.0), Stripe(), 1)) == [
        0,
        SECOND // 4,
        SECOND // 2,
        3 * SECOND // 4,
    ]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_stripes_make_up_the_whole(workers):
    """However many workers there are, together they send what one would."""
    alone = list(constant(Profile(50.0, 2.0), Stripe(), 1))
    stripes = [
        constant(Profile(50.0, 2.0), Stripe(worker, workers), 1) for worker in range(workers)
    ]
    assert sorted(offset for stripe in stripes for offset in stripe) == alone


def test_poisson_arrivals_keep_the_rate_and_differ_by_worker():
    """Gaps are random with the right mean, and the same seed gives the same times."""
    offsets = list(poisson(Profile(100.0, 100.0), Stripe(), 3))
    assert offsets == sorted(offsets)
    assert offsets == list(poisson(Profile(100.0, 100.0), Stripe(), 3))
    assert len(offsets) == pytest.approx(10_000, rel=0.05)
    gaps = [later - earlier for earlier, later in itertools.pairwise(offsets)]
    # Exponential gaps: 1 - 1/e of them are shorter than their mean.
    assert sum(gap < SECOND / 100 for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.02)
    assert list(poisson(Profile(50.0, 9.0), Stripe(0, 2), 3)) != list(
        poisson(Profile(50.0, 9.0), Stripe(1, 2), 3)
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_arrival_lies_outside_the_load(name):
    """Every schedule stays between zero and its length."""
    assert all(0 <= at < 3 * SECOND for at in SCHEDULES[name](Profile(97.0, 3.0), Stripe(1, 3), 5))


def per_second(offsets, length_s):
    """How many arrivals lie in each second."""
    counts = [0] * length_s
    for at in offsets:
        counts[at // SECOND] += 1
    return counts


def test_a_surge_multiplies_the_rate_while_it_lasts():
    """Constant before, in and after it; nothing is caught up or left out."""
    profile = Profile(10.0, 6.0, [Surge(2.0, 4.0, 3.0)])
    assert per_second(constant(profile, Stripe(), 1), 6) == [10, 10, 30, 30, 10, 10]
    assert profile.sends == 100


def test_overlapping_surges_multiply_and_edges_are_cut_off():
    """A surge that begins before the arrivals, or ends after them, acts while they last."""
    profile = Profile(10.0, 4.0, [Surge(-2.0, 2.0, 2.0), Surge(1.0, 9.0, 3.0)])
    assert per_second(constant(profile, Stripe(), 1), 4) == [20, 60, 30, 30]


@pytest.mark.parametrize("workers", [1, 3])
def test_stripes_of_a_surge_make_up_the_whole(workers):
    """More workers change who sends, not how much."""
    profile = Profile(50.0, 3.0, [Surge(0.5, 1.7, 2.5)])
    stripes = [constant(profile, Stripe(worker, workers), 1) for worker in range(workers)]
    assert sorted(at for stripe in stripes for at in stripe) == list(constant(profile, Stripe(), 1))


def test_poisson_arrivals_surge_too():
    """Each piece has its own rate."""
    profile = Profile(100.0, 60.0, [Surge(20.0, 40.0, 3.0)])
    offsets = list(poisson(profile, Stripe(), 3))
    surged = sum(20 * SECOND <= at < 40 * SECOND for at in offsets)
    assert surged == pytest.approx(6_000, rel=0.05)
    assert len(offsets) - surged == pytest.approx(4_000, rel=0.05)
