"""A step of the wall clock changes nothing, and slow deviations are followed."""

import time

import pytest

from gauntlet.reference_server.core import clock
from gauntlet.reference_server.core.clock import NS_PER_S, SteadyClock

NOON_NS = 1_700_000_000 * NS_PER_S


@pytest.fixture
def machine(monkeypatch):
    """The clocks of a machine, in nanoseconds: `uptime` and `wall`."""
    clocks = {"uptime": 5 * NS_PER_S, "wall": NOON_NS}
    monkeypatch.setattr(time, "time_ns", lambda: clocks["wall"])
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: clocks["uptime"])
    return clocks


def advance(clocks, seconds, wall=None):
    """Let time pass, by a different amount on the wall clock if `wall` is given."""
    clocks["uptime"] += round(seconds * NS_PER_S)
    clocks["wall"] += round((seconds if wall is None else wall) * NS_PER_S)


def test_it_shows_the_time_of_the_wall_clock(machine):
    steady = SteadyClock()
    assert steady.now_ns() == NOON_NS
    advance(machine, 90)
    assert steady.now_ns() == NOON_NS + 90 * NS_PER_S


@pytest.mark.parametrize("step_s", [7200, -7200])
def test_a_step_is_followed_by_half_a_millisecond_per_second(machine, step_s):
    steady = SteadyClock()
    advance(machine, 10, wall=10 + step_s)
    sign = 1 if step_s > 0 else -1
    for passed in (10, 20):
        expected_ns = NOON_NS + passed * NS_PER_S + sign * passed * 500_000
        assert steady.now_ns() == expected_ns
        assert steady.now_ns() == expected_ns
        advance(machine, 10)


def test_after_a_step_back_time_goes_on(machine):
    steady = SteadyClock()
    machine["wall"] -= 3600 * NS_PER_S
    shown = []
    for _ in range(1000):
        shown.append(steady.now_ns())
        advance(machine, 0.0001)
    assert shown == sorted(set(shown))


def test_a_clock_that_is_slewed_is_followed_at_once(machine):
    steady = SteadyClock()
    for _ in range(60):
        advance(machine, 1, wall=1.0004)
        assert steady.now_ns() == machine["wall"]


def test_the_time_of_day_is_in_the_unit_of_the_function_name():
    assert clock.now_s() == pytest.approx(time.time(), abs=5)
    assert clock.now_ms() == pytest.approx(time.time() * 1000, abs=5000)
