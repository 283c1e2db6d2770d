"""Deadlines as data: what is due is called when somebody says what time it is."""

import heapq
import itertools
from collections.abc import Callable


class Timers:
    """A heap of calls, shared by all sessions of a worker. It reads no clock.

    There is no cancelling: a call checks whether it is still wanted.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, at_ns: int, call: Callable[[], None]) -> None:
        """Have `call` made at `at_ns`, or at the first `run_due` after it."""
        heapq.heappush(self._heap, (at_ns, next(self._order), call))

    def run_due(self, now_ns: int) -> None:
        """Make every call that is due, in the order of their times."""
        while self._heap and self._heap[0][0] <= now_ns:
            heapq.heappop(self._heap)[2]()

    @property
    def next_ns(self) -> int | None:
        """The next deadline."""
        return self._heap[0][0] if self._heap else None
