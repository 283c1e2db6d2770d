"""Admission control: under overload less important work is refused first, sends last. Pure.

By Little's law (1961) a new send will wait for as long as the sends in flight, divided by the rate
at which sends complete while there are any. As in CoDel (K. Nichols, V. Jacobson, "Controlling
Queue Delay", 2012) only a queue that stands is overload: a burst that is being worked off is what
queues are for.
"""

import math
from collections.abc import Callable, Mapping

# The share of the longest wait at which each kind of work is refused.
SHARES: Mapping[str, float] = {
    "send": 1.0,
    "login": 1.0,
    "history": 0.5,
    "room": 0.25,
    "friend": 0.25,
    "sticker": 0.25,
}
STANDING = min(SHARES.values())
FEW = 32  # sends in flight that are never overload: a rate of few says little
MEMORY_S = 1.0  # how far back completions count for the rate
PAUSE_S = 0.25  # more than that between two completions is a standstill, not a rate


class Admission:
    """Counts sends in and out, and says what else may come in. Times are of one monotonic clock.

    `lag_s` tells how late the event loop is: work that nobody has read yet waits as long.
    """

    def __init__(self, wait_max_s: float, lag_s: Callable[[], float]) -> None:
        self._wait_max_s = wait_max_s
        self._lag_s = lag_s
        self._in_flight = 0
        # Completions, and the time that they took, both fading: at first nothing looks slow.
        self._completed, self._busy_s = float(FEW), MEMORY_S / FEW
        self._last_wait_s = self._moved_at = 0.0

    def admits(self, work: str, now_s: float) -> bool:
        """Whether work of a kind in `SHARES` may come in."""
        return self.wait_s(now_s) <= SHARES[work] * self._wait_max_s

    def enter(self, now_s: float) -> None:
        """A send came in."""
        if self._in_flight == 0:
            self._moved_at = now_s
        self._in_flight += 1

    def leave(self, now_s: float, entered_s: float) -> None:
        """That send was answered, whatever the answer."""
        self._in_flight -= 1
        took_s = min(now_s - self._moved_at, PAUSE_S)
        kept = math.exp(-took_s / MEMORY_S)
        self._completed = self._completed * kept + 1
        self._busy_s = self._busy_s * kept + took_s
        self._moved_at = now_s
        self._last_wait_s = now_s - entered_s

    def wait_s(self, now_s: float) -> float:
        """How long a send that came in now would wait.

        A standstill is a wait for as long as it lasts, and as the sends that saw it have waited.
        Were it part of the rate, a disk that stood still for a moment would look like an overload.
        """
        lag_s = self._lag_s()
        seen_s = max(self._last_wait_s, now_s - self._moved_at)
        if self._in_flight < FEW or seen_s < STANDING * self._wait_max_s:
            return lag_s
        return max(lag_s, seen_s, self._in_flight * self._busy_s / self._completed)
