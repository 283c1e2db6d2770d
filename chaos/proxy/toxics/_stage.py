"""The base of every toxic: one stage of one direction of one connection.

Bytes are pushed from stage to stage. A stage may hold bytes; it must forward them later, unless the
toxic drops data. Everything runs in one event loop, so adding, changing and removing a stage cannot
race with bytes.
"""

from collections.abc import Callable
from random import Random
from typing import Annotated, ClassVar, Protocol

import msgspec

# What Toxiproxy can hold; without a limit, JSON may contain numbers that no clock can add.
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Sink(Protocol):
    """The next receiver of bytes: another stage, or the socket of the destination."""

    def feed(self, data: bytes) -> None:
        """Receive bytes, in order; bytes after `end` are dropped."""

    def end(self) -> None:
        """No more bytes will come. A second call does nothing."""


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> None: ...


class StageHost(Protocol):
    """The direction that a stage belongs to, as the stage uses it."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Schedule one call, with a resolution of a millisecond."""

    def take_turn(self, callback: Callable[[], None]) -> Timer:
        """Schedule one call after others have had their turn; for work that may take long."""

    def adjust_reading(self) -> None:
        """Resume reading if few enough bytes are held; called after a stage forwarded some."""

    def reset(self) -> None:
        """Close both sockets of the connection by RST."""


class NoAttributes(msgspec.Struct, frozen=True):
    """The attributes of a toxic that has none."""


class Stage:
    """Forwards everything; toxics override the methods of what they disturb."""

    schema: ClassVar[type[msgspec.Struct]] = NoAttributes
    # If a stage holds more than this, the source is not read (backpressure).
    buffer_bytes: int = 65_536
    # Toxiproxy closes every connection when a toxic that drops bytes is removed, because the stream
    # has a hole.
    closes_on_removal: ClassVar[bool] = False
    # Extensions: a toxic of the connections that exist when it is added or changed, and one that
    # acts on the listener.
    spares_new: ClassVar[bool] = False
    refuses_new: ClassVar[bool] = False

    attributes: msgspec.Struct
    next: Sink

    def __init__(self, attributes: msgspec.Struct, host: StageHost, random: Random) -> None:
        self.attributes = attributes
        self.host = host
        self.random = random
        self.held_bytes = 0
        self._timer: Timer | None = None

    def start(self) -> None:
        """Start work; called when the stage is part of the chain and `next` is set."""

    def feed(self, data: bytes) -> None:
        self.next.feed(data)

    def end(self) -> None:
        self.next.end()

    def update(self, attributes: msgspec.Struct) -> None:
        """Continue with other attributes."""
        self.attributes = attributes

    def release(self) -> None:
        """Forward everything that is held; the toxic is being removed."""
        self.cancel()

    def cancel(self) -> None:
        """Stop timers and drop what is held; the connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
