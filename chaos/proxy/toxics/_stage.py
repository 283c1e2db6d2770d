"""What every toxic is: one stage of one direction of one connection.

Bytes are pushed from stage to stage; a stage may hold them, and then owes them to the next one.
All runs in one event loop, so that adding, changing and removing a stage cannot race with bytes.
"""

from collections.abc import Callable
from random import Random
from typing import ClassVar, Protocol

import msgspec


class Sink(Protocol):
    """Where bytes go next: another stage, or the destination's socket."""

    def feed(self, data: bytes) -> None:
        """Take bytes, in order; after `end` they are dropped."""

    def end(self) -> None:
        """No more bytes will come. Calling it again does nothing."""


class Timer(Protocol):
    """A pending call."""

    def cancel(self) -> None: ...


class Host(Protocol):
    """What a stage may ask of the direction it works in."""

    def now(self) -> float:
        """Monotonic seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call back once, to the millisecond."""

    def moved(self) -> None:
        """Held bytes have left a stage: reading may go on."""

    def reset(self) -> None:
        """End both sockets of the connection by RST."""


class NoAttributes(msgspec.Struct, frozen=True):
    """The attributes of a toxic that has none."""


class Stage:
    """Passes everything on; toxics override what they disturb."""

    schema: ClassVar[type[msgspec.Struct]] = NoAttributes
    # Held beyond this, and the source is no longer read (back pressure).
    buffer_bytes: ClassVar[int] = 65_536
    # Toxiproxy closes every connection when such a toxic goes: dropped bytes left a hole in them.
    closes_on_removal: ClassVar[bool] = False

    attributes: msgspec.Struct
    next: Sink

    def __init__(self, attributes: msgspec.Struct, host: Host, random: Random) -> None:
        self.attributes = attributes
        self.host = host
        self.random = random
        self.held = 0
        self._timer: Timer | None = None

    def start(self) -> None:
        """The stage is in its place, `next` is set."""

    def feed(self, data: bytes) -> None:
        self.next.feed(data)

    def end(self) -> None:
        self.next.end()

    def update(self, attributes: msgspec.Struct) -> None:
        """Go on with other attributes."""
        self.attributes = attributes

    def release(self) -> None:
        """The toxic is being removed: hand on all that is held."""
        self.cancel()

    def cancel(self) -> None:
        """Stop timers, forget what is held: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
