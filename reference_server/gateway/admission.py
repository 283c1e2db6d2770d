"""Admission control: under overload, less important work is refused first and sends last. Pure.

By Little's law (1961), the expected wait of a new send is the number of sends in flight divided by
the rate at which sends complete. As in CoDel (K. Nichols, V. Jacobson, "Controlling Queue Delay",
2012), only a standing queue counts as overload; a queue that absorbs a burst does not.
"""

import math
from collections.abc import Callable, Mapping

# The share of the longest acceptable wait at which each kind of work is refused.
WAIT_SHARES: Mapping[str, float] = {
    "send": 1.0,
    "login": 1.0,
    "history": 0.5,
    "room": 0.25,
    "friend": 0.25,
    "sticker": 0.25,
}
STANDING_SHARE = min(WAIT_SHARES.values())
IN_FLIGHT_MIN = 32  # fewer sends in flight are never overload: their rate is not reliable
MEMORY_S = 1.0  # time constant with which completions fade from the rate
PAUSE_S = 0.25  # a longer time between two completions is a standstill and not part of the rate


class Admission:
    """Counts the sends in flight and decides what is admitted. Times are of one monotonic clock.

    `lag_s` returns how late the event loop is, which is how long unread requests wait.
    """

    def __init__(self, wait_max_s: float, lag_s: Callable[[], float]) -> None:
        self._wait_max_s = wait_max_s
        self._lag_s = lag_s
        self._in_flight = 0
        # Completions and the time that they took, both fading. The initial rate is a high one.
        self._completed, self._busy_s = float(IN_FLIGHT_MIN), MEMORY_S / IN_FLIGHT_MIN
        self._last_wait_s = self._moved_at = 0.0

    def admits(self, work: str, now_s: float) -> bool:
        """Return whether work of a kind in `WAIT_SHARES` is admitted."""
        return self.wait_s(now_s) <= WAIT_SHARES[work] * self._wait_max_s

    def enter(self, now_s: float) -> None:
        """Count a send that was admitted."""
        if self._in_flight == 0:
            self._moved_at = now_s
        self._in_flight += 1

    def leave(self, now_s: float, entered_s: float) -> None:
        """Count the answer to a send, whatever it is."""
        self._in_flight -= 1
        took_s = min(now_s - self._moved_at, PAUSE_S)
        kept = math.exp(-took_s / MEMORY_S)
        self._completed = self._completed * kept + 1
        self._busy_s = self._busy_s * kept + took_s
        self._moved_at = now_s
        self._last_wait_s = now_s - entered_s

    def wait_s(self, now_s: float) -> float:
        """Return the expected wait of a send that arrives now.

        A standstill counts with its own duration and with the wait of the sends that experienced
        it. It is not part of the rate, because a disk that pauses for a moment is not an overload.
        """
        lag_s = self._lag_s()
        observed_s = max(self._last_wait_s, now_s - self._moved_at)
        if self._in_flight < IN_FLIGHT_MIN or observed_s < STANDING_SHARE * self._wait_max_s:
            return lag_s
        return max(lag_s, observed_s, self._in_flight * self._busy_s / self._completed)
