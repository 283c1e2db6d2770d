"""The times at which the users of a closed-loop peer send."""

import pytest

from benchmarks.peers.pacing import Pacing


def _send_times_s(pacing: Pacing, first_s: float, duration_s: float, sends: int) -> list[float]:
    """The times of the first sends of a user whose task takes `duration_s`."""
    times_s, now_s = [], first_s
    for _ in range(sends):
        times_s.append(now_s)
        now_s += duration_s
        now_s += pacing.pause_s(now_s)
    return times_s


@pytest.mark.parametrize("offset_s", [0.0, 0.25, 0.875])
def test_a_user_keeps_its_offset_in_each_interval(offset_s):
    pacing = Pacing(1.0, 100 + offset_s)
    times_s = _send_times_s(pacing, 100 + offset_s, 0.0625, sends=4)
    assert times_s == [100 + offset_s, 101 + offset_s, 102 + offset_s, 103 + offset_s]


def test_a_first_send_that_is_late_does_not_move_those_after_it():
    pacing = Pacing(1.0, 100.25)
    assert _send_times_s(pacing, 100.5, 0.0625, sends=3) == [100.5, 101.25, 102.25]


def test_intervals_that_are_over_when_a_task_ends_are_left_out():
    pacing = Pacing(1.0, 100.25)
    assert _send_times_s(pacing, 100.25, 2.5, sends=3) == [100.25, 103.25, 106.25]


def test_a_user_without_a_pace_never_waits():
    pacing = Pacing(0.0, 100.0)
    assert [pacing.pause_s(now_s) for now_s in (100.0, 100.5, 250.0)] == [0.0, 0.0, 0.0]
