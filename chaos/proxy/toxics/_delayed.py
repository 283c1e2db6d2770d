"""A stage that delays bytes: one queue and at most one timer; the order is preserved."""

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Stage, StageHost

# Half the timer resolution of the event loop: a chunk that is due within it is forwarded now.
_TIMER_TOLERANCE_S = 0.0005


class Chunk(NamedTuple):
    """Bytes that wait in the queue; `data` is None for the end of the stream."""

    arrived_s: float
    data: bytes | None
    fraction: float  # random, 0 … 1; drawn once, so that an update does not draw again

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data or b"")


class DelayedStage(Stage):
    """Subclasses define when a chunk is due, and may split data into smaller chunks.

    `last_due_s` is the time at which the previous chunk was due, not the time at which it was
    forwarded: timers fire a little late, and counting from the due time keeps rates exact.
    """

    def __init__(self, attributes: msgspec.Struct, host: StageHost, random: Random) -> None:
        super().__init__(attributes, host, random)
        self.last_due_s = 0.0
        self._queue: deque[Chunk] = deque()
        self._ended = False

    @abstractmethod
    def due_s(self, chunk: Chunk) -> float | None:
        """Return when a chunk of data may be forwarded (monotonic seconds); None if never."""

    def end_due_s(self, arrived_s: float) -> float:
        """Return when the end may be forwarded, at the earliest after all data."""
        return arrived_s

    def split(self, data: bytes) -> Iterable[bytes]:
        """Split data into the pieces that are forwarded separately."""
        return (data,)

    def feed(self, data: bytes) -> None:
        if self._ended:
            return
        arrived_s = self.host.now()
        for piece in self.split(data):
            self._queue.append(Chunk(arrived_s, piece, self.random.random()))
        self.held_bytes += len(data)
        self._forward_due()

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._queue.append(Chunk(self.host.now(), None, 0.0))
            self._forward_due()

    def update(self, attributes: msgspec.Struct) -> None:
        super().update(attributes)
        queue, self._queue = self._queue, deque()
        for chunk in queue:
            for piece in (None,) if chunk.data is None else self.split(chunk.data):
                self._queue.append(chunk._replace(data=piece))
        self._on_timer()

    def release(self) -> None:
        queue = self._queue.copy()
        self.cancel()
        for chunk in queue:
            self._forward(chunk)

    def cancel(self) -> None:
        super().cancel()
        self._queue.clear()

    def _forward_due(self) -> None:
        if self._timer is not None:
            return  # the first chunk is not due yet
        while self._queue:
            chunk = self._queue[0]
            is_end = chunk.data is None
            due_s = self.end_due_s(chunk.arrived_s) if is_end else self.due_s(chunk)
            if due_s is None:
                return
            wait_s = due_s - self.host.now()
            if wait_s > _TIMER_TOLERANCE_S:
                self._timer = self.host.call_later(wait_s, self._on_timer)
                return
            self._queue.popleft()
            self.last_due_s = due_s
            self._forward(chunk)

    def _on_timer(self) -> None:
        Stage.cancel(self)  # only the timer: `self.cancel` would drop the queue too
        self._forward_due()
        self.host.adjust_reading()

    def _forward(self, chunk: Chunk) -> None:
        if chunk.data is None:
            self.next.end()
        else:
            self.held_bytes -= len(chunk.data)
            self.next.feed(chunk.data)
