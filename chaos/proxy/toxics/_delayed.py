"""A stage that delays bytes: one queue and at most one timer; the order is preserved."""

from abc import abstractmethod
from collections import deque
from random import Random
from typing import NamedTuple

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Stage, StageHost

# Half the timer resolution of the event loop: a chunk that is due within it is forwarded now.
_TIMER_TOLERANCE_S = 0.0005
# What is forwarded before others have their turn.
_PIECES_PER_TURN = 16


class Chunk(NamedTuple):
    """Bytes that wait, as they arrived or a piece of them; `data` is None for the end."""

    arrived_s: float
    data: bytes | None
    fraction: float  # random, 0 … 1; drawn once, so that an update does not draw again

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data or b"")


class DelayedStage(Stage):
    """Subclasses define when a chunk is due, and may cut it into smaller pieces.

    `last_due_s` is the time at which the previous piece was due, not the time at which it was
    forwarded: timers fire a little late, and counting from the due time keeps rates exact.
    """

    def __init__(self, attributes: msgspec.Struct, host: StageHost, random: Random) -> None:
        super().__init__(attributes, host, random)
        self.last_due_s = 0.0
        self._queue: deque[Chunk] = deque()
        self._position = 0  # bytes of the first chunk that were forwarded
        self._piece: Chunk | None = None  # cut from there, and not due yet
        self._ended = False

    @abstractmethod
    def due_s(self, chunk: Chunk) -> float | None:
        """Return when a piece of data may be forwarded (monotonic seconds); None if never."""

    def end_due_s(self, arrived_s: float) -> float:
        """Return when the end may be forwarded, at the earliest after all data."""
        return arrived_s

    def piece_bytes(self) -> int | None:
        """Return the size of the next piece, at least 1; None does not cut the chunk."""
        return None

    def feed(self, data: bytes) -> None:
        if self._ended:
            return
        self._queue.append(Chunk(self.host.now(), data, self.random.random()))
        self.held_bytes += len(data)
        self._forward_due()

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._queue.append(Chunk(self.host.now(), None, 0.0))
            self._forward_due()

    def update(self, attributes: msgspec.Struct) -> None:
        super().update(attributes)
        self._piece = None  # is cut again
        self._on_timer()

    def release(self) -> None:
        queue, position = self._queue.copy(), self._position
        self.cancel()
        for chunk in queue:
            data = chunk.data
            self._forward(chunk if data is None else chunk._replace(data=data[position:]))
            position = 0

    def cancel(self) -> None:
        super().cancel()
        self._queue.clear()
        self._position, self._piece = 0, None

    def _forward_due(self) -> None:
        if self._timer is not None:
            return  # the first piece is not due yet
        for _ in range(_PIECES_PER_TURN):
            piece = self._piece = self._piece or self._cut()
            if piece is None:
                return
            is_end = piece.data is None
            due_s = self.end_due_s(piece.arrived_s) if is_end else self.due_s(piece)
            if due_s is None:
                return
            wait_s = due_s - self.host.now()
            if wait_s > _TIMER_TOLERANCE_S:
                self._timer = self.host.call_later(wait_s, self._on_timer)
                return
            self.last_due_s = due_s
            self._remove(piece)
            self._forward(piece)
        if self._queue:
            self._timer = self.host.take_turn(self._on_timer)

    def _cut(self) -> Chunk | None:
        """Return the next piece of what waits."""
        if not self._queue:
            return None
        chunk = self._queue[0]
        if chunk.data is None:
            return chunk
        size = self.piece_bytes()
        if size is None:
            size = len(chunk.data)
        return chunk._replace(data=chunk.data[self._position : self._position + size])

    def _remove(self, piece: Chunk) -> None:
        """Remove a piece from what waits."""
        self._piece = None
        self._position += piece.size
        if self._position >= self._queue[0].size:
            self._queue.popleft()
            self._position = 0

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
