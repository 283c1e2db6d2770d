"""The intended rate of a load over time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.scenario.model import from_builtins
from gauntlet.core.scenario.rate_profiles import between, cut, line, mean_per_s, pieces, total
from gauntlet.core.scenario.traces.arrival_trace import Trace


def load_with(profile, **more):
    """Return a load that steadily sends for 10 s after a ramp of 2 s."""
    plain = {"users": 10, "ramp": 2, "steady": 10, "profile": profile, **more}
    return from_builtins({"version": 1, "name": "x", "about": "x", "load": plain}).load


def sends_of_each_second(shaped, trace=None):
    """Return the sends of each second after the ramp."""
    return [
        pytest.approx(total(between(pieces(shaped, trace), at, at + 1)), abs=1e-9)
        for at in range(int(shaped.steady))
    ]


TWENTIETHS = [0.5 + at for at in range(10)]  # of a line from 0 to 10 per second
PROFILES = [
    ({"kind": "constant"}, [10] * 10),
    ({"kind": "ramp", "from": 0, "to": 10}, TWENTIETHS),
    ({"kind": "ramp", "from": 10, "to": 0}, TWENTIETHS[::-1]),
    ({"kind": "ramp", "from": 4, "to": 8, "at": 4, "for": 2}, [4, 4, 5, 7, 8, 8, 8, 8, 8, 8]),
    ({"kind": "ramp", "from": 4, "to": 8, "at": 0, "for": 4}, [6.5, 7.5, *[8] * 8]),
    ({"kind": "ramp", "from": 4, "to": 8, "at": 10, "for": 9}, [*[4] * 8, 38 / 9, 42 / 9]),
    ({"kind": "step", "steps": [{"at": 0, "rate": 3}, {"at": 7, "rate": 9}]}, [3] * 5 + [9] * 5),
    ({"kind": "step", "steps": [{"at": 3, "rate": 3}, {"at": 99, "rate": 9}]}, [0] + [3] * 9),
    ({"kind": "spike", "base": 2, "peak": 20, "at": 5, "for": 2}, [2] * 3 + [20] * 2 + [2] * 5),
    ({"kind": "spike", "base": 2, "peak": 20, "at": 0, "for": 3}, [20] + [2] * 9),
    ({"kind": "spike", "base": 2, "peak": 20, "at": 11, "for": 60}, [2] * 9 + [20]),
]


@pytest.mark.parametrize(("profile", "sends"), PROFILES)
def test_a_profile_has_its_rate_in_each_second(profile, sends):
    """Times count from the start of the ramp, like those of faults."""
    assert sends == sends_of_each_second(load_with(profile))


def test_a_diurnal_profile_is_a_cosine_between_low_and_high():
    shaped = load_with({"kind": "diurnal", "low": 10, "high": 50, "period": 10})
    sends = [approximation.expected for approximation in sends_of_each_second(shaped)]
    assert sum(sends) == pytest.approx(300)
    assert sends == pytest.approx(sends[::-1])
    assert sends[:5] == sorted(sends[:5])
    assert (min(sends), max(sends)) == (pytest.approx(11.3, abs=0.1), pytest.approx(48.7, abs=0.1))
    true = 30 - 20 * (math.sin(2 * math.pi * 0.2) - math.sin(2 * math.pi * 0.1)) / (0.2 * math.pi)
    assert sends[1] == pytest.approx(true, rel=0.002)


@pytest.mark.parametrize(
    ("trace", "sends"),
    [
        (Trace("rate_per_s", (5, 0, 7.5)), [5, 0, 7.5] + [0] * 7),
        (Trace("rate_per_s", (4,) * 99), [4] * 10),
        (Trace("offset_s", (1.0, 1.5, 1.5, 3.25, 99.0)), None),
    ],
)
def test_a_recorded_profile_is_its_trace_until_the_end_of_the_load(trace, sends):
    shaped = load_with({"kind": "recorded", "file": "t.csv"})
    if sends is not None:
        assert sends == sends_of_each_second(shaped, trace)
    else:
        starts = [piece.start_s for piece in pieces(shaped, trace) if piece.sends]
        assert starts == [1.0, 1.5, 1.5, 3.25]


@pytest.mark.parametrize("profile", [profile for profile, _ in PROFILES])
def test_a_rate_scales_a_profile_without_changing_its_shape(profile):
    usual, scaled = load_with(profile), load_with(profile, rate=77)
    factor = 770 / total(pieces(usual))
    assert total(pieces(scaled)) == pytest.approx(770)
    for before, after in zip(pieces(usual), pieces(scaled), strict=True):
        assert after.sends == pytest.approx(before.sends * factor)
        assert (after.start_s, after.end_s, after.rise) == (*before[:2], before.rise)


def test_the_mean_rate_between_two_times_counts_from_the_ramp():
    shaped = load_with({"kind": "ramp", "from": 0, "to": 10})
    assert mean_per_s(shaped, None, 2, 12) == pytest.approx(5)
    assert mean_per_s(shaped, None, 11, 13) == pytest.approx(4.75)
    assert mean_per_s(shaped, None, 0, 2) == 0


rates = st.just(0.0) | st.floats(1e-6, 1e5)  # a rate below the smallest normal number has no digits


@given(rates, rates, st.floats(0.01, 0.99))
def test_cutting_a_piece_changes_neither_sends_nor_rates(low, high, part):
    whole = line(3.0, 5.0, low, high)
    left, right = cut(whole, 3.0 + 2 * part)
    assert left.sends + right.sends == pytest.approx(whole.sends)
    assert left.sends == pytest.approx(whole.sends * whole.share_by(part), abs=1e-9)
    ends = (
        left.sends / (2 * part) * (1 + left.rise),
        right.sends / (2 - 2 * part) * (1 - right.rise),
    )
    assert ends[0] == pytest.approx(ends[1], rel=1e-6, abs=1e-6 * (low + high))


@given(rates, rates, st.floats(0, 1))
def test_part_by_is_the_inverse_of_share_by(low, high, share):
    piece = line(0.0, 1.0, low, high)
    part = piece.part_by(share)
    assert 0 <= part <= 1 + 1e-9
    assert piece.share_by(part) == pytest.approx(share, abs=1e-9)


def test_a_recorded_profile_without_its_trace_is_refused():
    with pytest.raises(ValueError, match="trace"):
        list(pieces(load_with({"kind": "recorded", "file": "t.csv"})))
