"""Deadlines as data: a heap of scheduled calls that reads no clock."""

import heapq
import itertools
from collections.abc import Callable


class Timers:
    """A heap of calls, shared by all sessions of a worker.

    Calls cannot be cancelled: each one checks whether it still applies. `on_earlier` is called with
    a new deadline before `next_tick_ns`, the next time at which `run_due` is going to be called.
    """

    def __init__(self) -> None:
        self.next_tick_ns = 0
        self.on_earlier: Callable[[int], None] | None = None
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()  # keeps calls of the same time in the order of scheduling

    def at(self, at_ns: int, call: Callable[[], None]) -> None:
        """Schedule `call` for `at_ns`; the first `run_due` at or after that time makes it."""
        heapq.heappush(self._heap, (at_ns, next(self._order), call))
        if at_ns < self.next_tick_ns and self.on_earlier is not None:
            self.on_earlier(at_ns)

    def run_due(self, now_ns: int) -> None:
        """Make every call that is due, in the order of their times."""
        while self._heap and self._heap[0][0] <= now_ns:
            heapq.heappop(self._heap)[2]()

    @property
    def next_ns(self) -> int | None:
        """The earliest deadline, or None if nothing is scheduled."""
        return self._heap[0][0] if self._heap else None
