"""Deadlines as data: what is due is called when somebody says what time it is."""

import heapq
import itertools
from collections.abc import Callable


class Timer:
    """One deadline; `cancel` makes it never come."""

    __slots__ = ("at_ns", "call")

    def __init__(self, at_ns: int, call: Callable[[], None]) -> None:
        self.at_ns = at_ns
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget the call; the entry falls out of the heap when its time comes."""
        self.call = None


class Timers:
    """A heap of timers, shared by all sessions of a worker. It reads no clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()

    def at(self, at_ns: int, call: Callable[[], None]) -> Timer:
        """Have `call` made at `at_ns`, or at the first `run_due` after it."""
        timer = Timer(at_ns, call)
        heapq.heappush(self._heap, (at_ns, next(self._order), timer))
        return timer

    def run_due(self, now_ns: int) -> None:
        """Make every call that is due, in the order of their times."""
        while self._heap and self._heap[0][0] <= now_ns:
            timer = heapq.heappop(self._heap)[2]
            if timer.call is not None:
                timer.call()

    @property
    def next_ns(self) -> int | None:
        """The next deadline, cancelled or not."""
        return self._heap[0][0] if self._heap else None
