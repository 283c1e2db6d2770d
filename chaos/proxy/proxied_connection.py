"""One proxied TCP connection: two sockets and two directions, each a chain of stages.

    client socket ─► upstream direction:   [stage ─► stage ─►] ─► upstream socket
    client socket ◄─ [◄─ stage ◄─ stage]  :downstream direction ◄─ upstream socket

Without stages, bytes are written directly to the other socket. Backpressure: a direction stops
reading its source while its destination accepts no more bytes, or while a stage holds too many.
As in Toxiproxy there is no half-close: the end of one direction closes its destination.
"""

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Protocol, cast

from gauntlet.chaos.proxy.endpoint import Endpoint
from gauntlet.chaos.proxy.toxic import Stream, Toxic
from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy.toxics._stage import Sink, Stage, Timer
from gauntlet.chaos.proxy.turns import Turns

_DELAY_MAX_S = 365 * 86_400.0  # an attribute may be any number of 64 bits


class ConnectionOwner(Protocol):
    """The proxy that a connection belongs to."""

    turns: Turns

    def random(self, connection_number: int, toxic: Toxic) -> Random:
        """Return the random numbers of one toxic on one connection; a seed repeats them."""

    def connection_closed(self, connection: "ProxiedConnection") -> None:
        """Both sockets of the connection are closed."""


class Direction:
    """Carries bytes from a source through the stages of its toxics, in order, to a destination."""

    def __init__(
        self,
        stream: Stream,
        connection: "ProxiedConnection",
        source: Endpoint,
        destination: Endpoint,
    ) -> None:
        self.stream = stream
        self.received = 0
        self.sent = 0
        self.connection = connection
        self._source = source
        self._destination = destination
        self._stages: dict[int, Stage] = {}  # by the serial number of their toxic, ascending
        self._first: Sink = self
        self._ended = False  # the source sends no more
        self._closed = False  # the destination accepts no more
        self._blocked = False
        self._paused = False

    def receive(self, data: bytes | memoryview) -> None:
        """Process bytes that the source sent; they are only valid during the call."""
        self.received += len(data)
        if self._stages:
            self._first.feed(bytes(data))
            self.adjust_reading()
        else:
            self.feed(data)

    def source_ended(self) -> None:
        """Process the end of the source."""
        if not self._ended:
            self._ended = True
            self._first.end()

    def feed(self, data: bytes | memoryview) -> None:
        """Write bytes that have passed all stages to the destination."""
        if not self._closed:
            self.sent += len(data)
            self._destination.write(data)

    def end(self) -> None:
        """Close the destination after everything written to it; the end has passed all stages."""
        if not self._closed:
            self.destination_lost()
            self._destination.close()

    def destination_lost(self) -> None:
        """Drop everything from now on, but read the source, so that its end is noticed."""
        self._closed = True
        self._blocked = False
        for stage in self._stages.values():
            stage.cancel()
        self._stages = {}
        self._rebuild_chain()
        self.adjust_reading()

    def set_blocked(self, *, blocked: bool) -> None:
        """Record whether the write buffer of the destination is full."""
        self._blocked = blocked and not self._closed
        self.adjust_reading()

    def adjust_reading(self) -> None:
        """Pause or resume reading from the source, depending on what is held now."""
        full = any(stage.held_bytes > stage.buffer_bytes for stage in self._stages.values())
        paused = self._blocked or full
        if paused != self._paused:
            self._paused = paused
            self._source.set_reading(wanted=not paused)

    def apply(self, toxic: Toxic) -> None:
        """Apply a new or changed toxic, if its toxicity selects this connection."""
        if self._closed:
            return
        random = self.connection.owner.random(self.connection.number, toxic)
        # One draw per toxic and connection: a higher toxicity only adds affected connections.
        affected = random.random() < toxic.toxicity
        stage = self._stages.get(toxic.serial)
        if affected and stage is None:
            stage = TOXICS[toxic.type](toxic.attributes, self, random)
            self._stages = dict(sorted([*self._stages.items(), (toxic.serial, stage)]))
            self._rebuild_chain()
            stage.start()
        elif affected and stage is not None:
            stage.update(toxic.attributes)
        elif stage is not None:
            self._remove_stage(toxic)

    def remove(self, toxic: Toxic) -> None:
        """Remove a toxic; the bytes that its stage holds are sent on."""
        self._remove_stage(toxic)
        if TOXICS[toxic.type].closes_on_removal:
            later = (stage for serial, stage in self._stages.items() if serial > toxic.serial)
            next(later, cast("Sink", self)).end()

    def now(self) -> float:
        """Return monotonic seconds; the loop's own clock is updated only once per iteration."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Schedule one call."""
        return asyncio.get_running_loop().call_later(min(delay_s, _DELAY_MAX_S), callback)

    def take_turn(self, callback: Callable[[], None]) -> Timer:
        """Schedule one call after others have had their turn."""
        return self.connection.owner.turns.add(callback)

    def reset(self) -> None:
        """End the connection by RST on both sides."""
        self.connection.reset()

    def _remove_stage(self, toxic: Toxic) -> None:
        stage = self._stages.pop(toxic.serial, None)
        if stage is not None:
            self._rebuild_chain()
            stage.release()  # into the stage after it, before any newer bytes
            self.adjust_reading()

    def _rebuild_chain(self) -> None:
        chain: list[Sink] = [*self._stages.values(), self]
        self._first = chain[0]
        for stage, following in zip(self._stages.values(), chain[1:], strict=True):
            stage.next = following


class ProxiedConnection:
    """One connection. Its number makes the random decisions of its toxics repeatable."""

    def __init__(
        self,
        number: int,
        owner: ConnectionOwner,
        client: Endpoint,
        upstream: Endpoint,
        client_address: str,
    ) -> None:
        self.number = number
        self.owner = owner
        self._opened_s = time.monotonic()
        self._client_address = client_address
        self._client = client
        self._upstream = upstream
        self._closed_endpoints = 0
        self.directions: dict[Stream, Direction] = {
            "upstream": Direction("upstream", self, client, upstream),
            "downstream": Direction("downstream", self, upstream, client),
        }

    def start(self, toxics: list[Toxic]) -> None:
        """Apply the toxics, then start to carry bytes."""
        for toxic in toxics:
            if not TOXICS[toxic.type].spares_new:
                self.directions[toxic.stream].apply(toxic)
        up, down = self.directions["upstream"], self.directions["downstream"]
        self._client.attach(up, down, self._endpoint_closed)
        self._upstream.attach(down, up, self._endpoint_closed)

    def reset(self) -> None:
        """Close both sockets by RST."""
        for endpoint in (self._client, self._upstream):
            endpoint.reset()

    def close(self) -> None:
        """Close both sockets immediately, by FIN; bytes that are held are lost."""
        for endpoint in (self._client, self._upstream):
            endpoint.abort()

    def _endpoint_closed(self) -> None:
        """Count a closed socket; the owner is informed after the second one."""
        self._closed_endpoints += 1
        if self._closed_endpoints == 2:
            self.owner.connection_closed(self)

    def as_json(self) -> dict[str, object]:
        """Return the row of `GET /connections`, with live byte counters."""
        return {
            "connection": self.number,
            "client": self._client_address,
            "age_ms": round((time.monotonic() - self._opened_s) * 1000),
            "bytes": {
                stream: {"received": direction.received, "sent": direction.sent}
                for stream, direction in self.directions.items()
            },
        }
