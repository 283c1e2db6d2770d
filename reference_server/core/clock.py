"""The time of day, for stamps and for the expiry of tokens, of which a step changes nothing.

A wall clock can be set while a process runs. This one follows it as slowly as a time service slews
a clock, and goes on in between with the machine's uptime.
"""

import sys
import time

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
FOLLOWED_PPM = 500  # at most: as fast as the kernel slews a clock

# Unlike the monotonic clock, it goes on while the machine is suspended.
_UPTIME = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC


class SteadyClock:
    """A wall clock that takes its time from the system's at the start, and never jumps or stops."""

    def __init__(self) -> None:
        self._uptime_ns = time.clock_gettime_ns(_UPTIME)
        self._ahead_ns = time.time_ns() - self._uptime_ns  # of the uptime

    def now_ns(self) -> int:
        """Return the nanoseconds since the epoch."""
        uptime_ns = time.clock_gettime_ns(_UPTIME)
        most_ns = (uptime_ns - self._uptime_ns) * FOLLOWED_PPM // 1_000_000
        if most_ns:
            behind_ns = time.time_ns() - uptime_ns - self._ahead_ns
            self._ahead_ns += max(-most_ns, min(most_ns, behind_ns))
            self._uptime_ns = uptime_ns
        return uptime_ns + self._ahead_ns


_CLOCK = SteadyClock()


def now_s() -> float:
    """Return the seconds since the epoch."""
    return _CLOCK.now_ns() / NS_PER_S


def now_ms() -> int:
    """Return the milliseconds since the epoch."""
    return _CLOCK.now_ns() // NS_PER_MS
