"""Open-model schedules: when the sends of a profile are intended, and by whom."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.scenario.rate_profiles import line, total
from gauntlet.scenarios.schedule.arrivals import (
    SCHEDULES,
    Stripe,
    Surge,
    apply_surges,
    constant,
    poisson,
)

SECOND = 1_000_000_000


def flat(rate_per_s, length_s, surges=()):
    """A constant rate, with surges."""
    return list(apply_surges([line(0.0, length_s, rate_per_s, rate_per_s)], surges))


@st.composite
def drawn(draw):
    """Any profile: up to five straight lines, with gaps of nothing and bursts in no time."""
    pieces, start_s = [], 0.0
    for length_s, low, high, burst in draw(
        st.lists(
            st.tuples(
                st.floats(0.1, 4), st.floats(0, 60), st.floats(0, 60), st.sampled_from([0, 0, 3])
            ),
            min_size=1,
            max_size=5,
        )
    ):
        if burst:
            pieces.append(line(start_s, start_s, 0, 0)._replace(sends=float(burst)))
        pieces.append(line(start_s, start_s + length_s, low, high))
        start_s += length_s
    return pieces


def intended_by(pieces, t_s):
    """Λ(t), from its definition."""
    sends = 0.0
    for piece in pieces:
        if t_s >= piece.end_s:
            sends += piece.sends
        elif t_s > piece.start_s:
            part = (t_s - piece.start_s) / (piece.end_s - piece.start_s)
            sends += piece.sends * piece.share_by(part)
    return sends


@given(drawn(), st.floats(0, 1))
def test_sends_up_to_a_moment_are_what_the_profile_has_by_then(pieces, share):
    """⌊Λ(t)⌋ of them, and the one that Λ = 0 is due for; never decreasing, never outside."""
    end_s = pieces[-1].end_s
    offsets = list(constant(pieces, Stripe(), 1))
    assert offsets == sorted(offsets)
    assert all(0 <= at <= end_s * SECOND for at in offsets)
    assert len(offsets) == pytest.approx(math.ceil(total(pieces)), abs=1)
    t_s = share * end_s
    sends = intended_by(pieces, t_s)
    sent = sum(at <= t_s * SECOND for at in offsets)
    if abs(sends - round(sends)) > 1e-6:  # at a whole number the last bit decides
        assert sent == math.floor(sends) + 1 or sent == len(offsets)


@given(drawn(), st.integers(1, 7), st.lists(st.tuples(st.floats(-1, 9), st.floats(0.1, 5))))
def test_stripes_make_up_the_whole(pieces, workers, surges):
    """However many workers there are, together they send exactly what one would, surges too."""
    made = list(apply_surges(pieces, [Surge(at, at + length, 2.5) for at, length in surges]))
    stripes = [constant(made, Stripe(worker, workers), 1) for worker in range(workers)]
    assert sorted(at for stripe in stripes for at in stripe) == list(constant(made, Stripe(), 1))


@given(drawn(), st.lists(st.tuples(st.floats(0, 9), st.floats(0.1, 5), st.floats(1, 4))))
def test_surges_multiply_the_sends_of_their_time_and_no_others(pieces, given_surges):
    """Before and after, Λ grows as ever; inside by the product of the factors."""
    surges = [Surge(at, at + length, factor) for at, length, factor in given_surges]
    made = list(apply_surges(pieces, surges))
    edges = sorted({0.0, pieces[-1].end_s, *(at for surge in surges for at in surge[:2])})
    for start_s, end_s in itertools.pairwise(at for at in edges if at <= pieces[-1].end_s):
        middle_s = (start_s + end_s) / 2
        factor = math.prod(s.factor for s in surges if s.start_s <= middle_s < s.end_s)
        usual, more = (
            intended_by([p for p in one if p.start_s < p.end_s], end_s)
            - intended_by([p for p in one if p.start_s < p.end_s], start_s)
            for one in (pieces, made)
        )
        assert more == pytest.approx(usual * factor, abs=1e-6)


@given(drawn(), st.integers(1, 4), st.integers(0, 10_000))
def test_poisson_arrivals_number_what_the_profile_intends(pieces, workers, seed):
    """Within six standard deviations, over all workers; and in order."""
    stripes = [list(poisson(pieces, Stripe(at, workers), seed)) for at in range(workers)]
    assert all(stripe == sorted(stripe) for stripe in stripes)
    sends = total(pieces)
    assert abs(sum(map(len, stripes)) - sends) <= 6 * math.sqrt(sends) + 6


def test_constant_arrivals_are_evenly_spaced():
    """Number i is due at i / rate, and nothing is due at or after the end."""
    quarter = SECOND // 4
    assert list(constant(flat(4.0, 1.0), Stripe(), 1)) == [0, quarter, 2 * quarter, 3 * quarter]


def test_poisson_arrivals_keep_the_rate_and_differ_by_worker():
    """Gaps are random with the right mean, and the same seed gives the same times."""
    profile = flat(100.0, 100.0)
    offsets = list(poisson(profile, Stripe(), 3))
    assert offsets == list(poisson(profile, Stripe(), 3))
    assert len(offsets) == pytest.approx(10_000, rel=0.05)
    gaps = [later - earlier for earlier, later in itertools.pairwise(offsets)]
    # Exponential gaps: 1 - 1/e of them are shorter than their mean.
    assert sum(gap < SECOND / 100 for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.02)
    assert list(poisson(profile, Stripe(0, 2), 3)) != list(poisson(profile, Stripe(1, 2), 3))


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_arrival_lies_outside_the_load(name):
    """Every schedule stays between zero and its length."""
    assert all(0 <= at < 3 * SECOND for at in SCHEDULES[name](flat(97.0, 3.0), Stripe(1, 3), 5))


def per_second(offsets, length_s):
    """How many arrivals lie in each second."""
    counts = [0] * length_s
    for at in offsets:
        counts[at // SECOND] += 1
    return counts


def test_a_surge_multiplies_the_rate_while_it_lasts():
    """Constant before, in and after it; nothing is caught up or left out."""
    profile = flat(10.0, 6.0, [Surge(2.0, 4.0, 3.0)])
    assert per_second(constant(profile, Stripe(), 1), 6) == [10, 10, 30, 30, 10, 10]
    assert total(profile) == 100


def test_overlapping_surges_multiply_and_edges_are_cut_off():
    """A surge that begins before the arrivals, or ends after them, acts while they last."""
    profile = flat(10.0, 4.0, [Surge(-2.0, 2.0, 2.0), Surge(1.0, 9.0, 3.0)])
    assert per_second(constant(profile, Stripe(), 1), 4) == [20, 60, 30, 30]


def test_poisson_arrivals_surge_too():
    """Each piece has its own rate."""
    profile = flat(100.0, 60.0, [Surge(20.0, 40.0, 3.0)])
    offsets = list(poisson(profile, Stripe(), 3))
    inside = sum(20 * SECOND <= at < 40 * SECOND for at in offsets)
    assert inside == pytest.approx(6_000, rel=0.05)
    assert len(offsets) - inside == pytest.approx(4_000, rel=0.05)
