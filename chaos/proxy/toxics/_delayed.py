"""Stages that let bytes through later: one queue, one timer, order kept."""

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Host, Stage

# Half the event loop's timer resolution: what is due within it is due now.
_TICK_S = 0.0005


class Parcel(NamedTuple):
    """Bytes that wait; `data` is None for the end of the stream."""

    arrived_s: float
    data: bytes | None
    luck: float  # 0 … 1, drawn once, so that an update does not draw again

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data or b"")


class Paced(Stage):
    """Subclasses say when a parcel is due, and may cut data into smaller parcels.

    `last_due_s` is when the parcel before was due, not when it left: timers are always a little
    late, and counting from the due time keeps rates exact.
    """

    def __init__(self, attributes: msgspec.Struct, host: Host, random: Random) -> None:
        super().__init__(attributes, host, random)
        self.last_due_s = 0.0
        self._queue: deque[Parcel] = deque()
        self._ended = False

    @abstractmethod
    def due_s(self, parcel: Parcel) -> float | None:
        """When a parcel of data may leave (monotonic seconds); None while it may not."""

    def end_due_s(self, arrived_s: float) -> float:
        """When the end may leave, once all data has."""
        return arrived_s

    def split(self, data: bytes) -> Iterable[bytes]:
        """The pieces in which data leaves."""
        return (data,)

    def feed(self, data: bytes) -> None:
        if self._ended:
            return
        arrived_s = self.host.now()
        for piece in self.split(data):
            self._queue.append(Parcel(arrived_s, piece, self.random.random()))
        self.held += len(data)
        self._run()

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._queue.append(Parcel(self.host.now(), None, 0.0))
            self._run()

    def update(self, attributes: msgspec.Struct) -> None:
        super().update(attributes)
        queue, self._queue = self._queue, deque()
        for parcel in queue:
            for piece in (None,) if parcel.data is None else self.split(parcel.data):
                self._queue.append(parcel._replace(data=piece))
        self._expired()

    def release(self) -> None:
        queue = self._queue.copy()
        self.cancel()
        for parcel in queue:
            self._pass(parcel)

    def cancel(self) -> None:
        super().cancel()
        self._queue.clear()

    def _run(self) -> None:
        if self._timer is not None:
            return  # the head is not due yet
        while self._queue:
            parcel = self._queue[0]
            at_head = parcel.data is None
            due_s = self.end_due_s(parcel.arrived_s) if at_head else self.due_s(parcel)
            if due_s is None:
                return
            wait_s = due_s - self.host.now()
            if wait_s > _TICK_S:
                self._timer = self.host.call_later(wait_s, self._expired)
                return
            self._queue.popleft()
            self.last_due_s = due_s
            self._pass(parcel)

    def _expired(self) -> None:
        Stage.cancel(self)
        self._run()
        self.host.moved()

    def _pass(self, parcel: Parcel) -> None:
        if parcel.data is None:
            self.next.end()
        else:
            self.held -= len(parcel.data)
            self.next.feed(parcel.data)
