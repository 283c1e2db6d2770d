"""How far another host's monotonic clock is from ours, and how sure that is. Pure.

Four times make an exchange, as in NTP (RFC 5905, section 8): we ask at T1, the other reads T2 when
it hears and T3 when it answers, we hear at T4. Then offset = ((T2 - T1) + (T3 - T4)) / 2, and
whatever the two ways took, the truth is within half of the delay (T4 - T1) - (T3 - T2). So of many
exchanges the quickest knows best (RFC 5905, section 10, the clock filter).
"""

from collections.abc import Iterable
from typing import NamedTuple


class Exchange(NamedTuple):
    """T1 to T4 in nanoseconds: the first and the last on our clock, the others on theirs."""

    asked_ns: int
    heard_ns: int
    answered_ns: int
    back_ns: int

    @property
    def delay_ns(self) -> int:
        """How long the question and the answer were under way."""
        return (self.back_ns - self.asked_ns) - (self.answered_ns - self.heard_ns)


class ClockOffset(NamedTuple):
    """Their clock less ours, right within `error_ns`, at `at_ns` of our clock."""

    offset_ns: int = 0
    error_ns: int = 0
    at_ns: int = 0


def estimate_offset(exchanges: Iterable[Exchange]) -> ClockOffset:
    """The offset by the quickest of some exchanges; ValueError of none."""
    best = min(exchanges, key=lambda one: one.delay_ns)
    ahead_ns = (best.heard_ns - best.asked_ns) + (best.answered_ns - best.back_ns)
    return ClockOffset(ahead_ns // 2, max(0, best.delay_ns) // 2 + 1, best.back_ns)
