"""Time stamps of the server on the clock of a worker."""

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import STAMP_AGE_MAX, STAMP_AGE_ZERO
from gauntlet.scenarios.metrics.server_times import ServerTimes


class Clocks:
    """A monotonic clock that shows 5 s, and a time of day that is `lead_ms` ahead of it."""

    def __init__(self, lead_ms):
        self.lead_ms = lead_ms
        self.times = ServerTimes(lambda: 5_000 * NS_PER_MS, self.wall_ns)

    def wall_ns(self):
        return (5_000 + self.lead_ms) * NS_PER_MS


def test_a_stamp_is_moved_by_the_difference_of_the_clocks():
    times = Clocks(lead_ms=1_000_000).times
    assert times.local_ns(1_004_900) == 4_900 * NS_PER_MS
    assert times.local_ns(1_000_000) == 1  # the zero of the clock, and not "no stamp"
    assert times.age(1_004_900, 5_000 * NS_PER_MS) == STAMP_AGE_ZERO + 10
    assert times.age(1_005_200, 5_000 * NS_PER_MS) == STAMP_AGE_ZERO - 20


def test_no_stamp_is_no_age():
    times = Clocks(lead_ms=0).times
    assert (times.local_ns(0), times.age(0, 5_000 * NS_PER_MS)) == (0, 0)


def test_a_stamp_of_another_unit_is_a_stamp_far_away():
    times = Clocks(lead_ms=0).times
    for stamped_ms, end in ((10**19, -STAMP_AGE_MAX), (-(10**19), STAMP_AGE_MAX)):
        assert abs(times.local_ns(stamped_ms)) < 1 << 63
        assert times.age(stamped_ms, 5_000 * NS_PER_MS) == STAMP_AGE_ZERO + end


def test_nothing_is_converted_while_the_time_of_day_is_set_to_another_one():
    clocks = Clocks(lead_ms=0)
    clocks.lead_ms = 249
    assert clocks.times.local_ns(4_000) == 4_000 * NS_PER_MS
    for lead_ms in (250, -250):
        clocks.lead_ms = lead_ms
        assert clocks.times.local_ns(4_000) == 0
