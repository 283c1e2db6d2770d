"""One proxied TCP connection: two sockets, two directions, each a chain of stages.

    client socket ─► upstream direction:   [stage ─► stage ─►] ─► upstream socket
    client socket ◄─ [◄─ stage ◄─ stage]  :downstream direction ◄─ upstream socket

Without stages bytes go from one socket straight to the other. Back pressure: a direction stops
reading its source while its destination does not take more, or while a stage holds too much.
There is no half-close, as in Toxiproxy: the end of one direction closes its destination.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Protocol, cast

from gauntlet.chaos.proxy.toxic import Stream, Toxic
from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy.toxics._stage import Sink, Stage

_LINGER_0 = struct.pack("ii", 1, 0)


def address(name: tuple[str | int, ...]) -> str:
    """A socket's name as one text, `127.0.0.1:80` or `[::1]:80`."""
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


class Owner(Protocol):
    """The proxy that a link belongs to."""

    def random(self, link: int, toxic: Toxic) -> Random:
        """The random numbers of one toxic on one connection, the same for the same seed."""

    def link_lost(self, link: "Link") -> None:
        """Both sockets are gone."""


class End(asyncio.Protocol):
    """One socket: the source of one direction, the destination of the other.

    What happens before the other end is there waits for `link` (uvloop cannot start paused).
    """

    transport: asyncio.Transport
    writes: "Direction"

    def __init__(self) -> None:
        self.reads: Direction | None = None
        self._early: list[Callable[[], object]] = []

    def link(self, reads: "Direction", writes: "Direction") -> None:
        """The other end is there too."""
        self.reads, self.writes = reads, writes
        for event in self._early:
            event()
        self._early.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.reads is None:
            self._early.append(partial(self.data_received, data))
        else:
            self.reads.receive(data)

    def eof_received(self) -> bool:
        if self.reads is None:
            self._early.append(self.eof_received)
        else:
            self.reads.source_ended()
        return True  # we close it ourselves, when the other direction ends

    def pause_writing(self) -> None:
        self.writes.block(blocked=True)

    def resume_writing(self) -> None:
        self.writes.block(blocked=False)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.reads is None:
            self._early.append(partial(self.connection_lost, exc))
        else:
            self.reads.source_ended()
            self.writes.destination_lost()
            self.reads.link.end_lost()

    def reset(self) -> None:
        """Close by RST, dropping what is not sent."""
        if not self.transport.is_closing():
            raw = self.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self.transport.abort()


class Direction:
    """Bytes from a source, through stages in the order of their toxics, to a destination."""

    def __init__(self, stream: Stream, link: "Link", source: End, destination: End) -> None:
        self.stream = stream
        self.received = 0
        self.sent = 0
        self.link = link
        self._source = source.transport
        self._destination = destination.transport
        self._stages: dict[int, Stage] = {}  # by the serial of their toxic, in its order
        self._first: Sink = self
        self._ended = False  # the source has no more
        self._closed = False  # the destination takes no more
        self._blocked = False
        self._paused = False

    def receive(self, data: bytes) -> None:
        """The source sent something."""
        self.received += len(data)
        self._first.feed(data)
        if self._stages:
            self.moved()

    def source_ended(self) -> None:
        """The source sends no more."""
        if not self._ended:
            self._ended = True
            self._first.end()

    def feed(self, data: bytes) -> None:
        """Bytes have passed all stages."""
        if not self._closed:
            self.sent += len(data)
            self._destination.write(data)

    def end(self) -> None:
        """The end has passed all stages: close the destination once it has taken everything."""
        if not self._closed:
            self.destination_lost()
            self._destination.close()

    def destination_lost(self) -> None:
        """Whatever still comes is dropped; the source is read on, so that its end is seen."""
        self._closed = True
        self._blocked = False
        for stage in self._stages.values():
            stage.cancel()
        self._stages = {}
        self._relink()
        self.moved()

    def block(self, *, blocked: bool) -> None:
        """The destination's socket is full, or takes bytes again."""
        self._blocked = blocked and not self._closed
        self.moved()

    def moved(self) -> None:
        """Read the source, or not, by what is held now."""
        full = any(stage.held > stage.buffer_bytes for stage in self._stages.values())
        paused = self._blocked or full
        if paused != self._paused and not self._source.is_closing():
            self._paused = paused
            (self._source.pause_reading if paused else self._source.resume_reading)()

    def apply(self, toxic: Toxic) -> None:
        """A toxic is new or changed: let its stage act, or not, as its toxicity has it."""
        if self._closed:
            return
        random = self.link.owner.random(self.link.number, toxic)
        # One roll for each toxic and connection: more toxicity only adds connections.
        hit = random.random() < toxic.toxicity
        stage = self._stages.get(toxic.serial)
        if hit and stage is None:
            stage = TOXICS[toxic.type](toxic.attributes, self, random)
            self._stages = dict(sorted([*self._stages.items(), (toxic.serial, stage)]))
            self._relink()
            stage.start()
        elif hit and stage is not None:
            stage.update(toxic.attributes)
        elif stage is not None:
            self._take_out(toxic)

    def remove(self, toxic: Toxic) -> None:
        """A toxic is gone: what its stage holds flows on."""
        self._take_out(toxic)
        if TOXICS[toxic.type].closes_on_removal:
            behind = (stage for serial, stage in self._stages.items() if serial > toxic.serial)
            next(behind, cast("Sink", self)).end()

    def now(self) -> float:
        """Monotonic seconds; the loop's own clock is coarse and stands still within a turn."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back once."""
        return asyncio.get_running_loop().call_later(delay_s, callback)

    def reset(self) -> None:
        """End the connection by RST on both sides."""
        self.link.reset()

    def _take_out(self, toxic: Toxic) -> None:
        stage = self._stages.pop(toxic.serial, None)
        if stage is not None:
            self._relink()
            stage.release()  # into the stage behind it, before anything newer
            self.moved()

    def _relink(self) -> None:
        chain: list[Sink] = [*self._stages.values(), self]
        self._first = chain[0]
        for stage, following in zip(self._stages.values(), chain[1:], strict=True):
            stage.next = following


class Link:
    """One connection. Numbered, so that the rolls of its toxics can be repeated."""

    def __init__(self, number: int, owner: Owner, client: End, upstream: End) -> None:
        self.number = number
        self.owner = owner
        self._since_s = time.monotonic()
        self._peer = address(client.transport.get_extra_info("peername"))
        self._client = client
        self._upstream = upstream
        self._lost = 0
        self.directions: dict[Stream, Direction] = {
            "upstream": Direction("upstream", self, client, upstream),
            "downstream": Direction("downstream", self, upstream, client),
        }

    def start(self, toxics: list[Toxic]) -> None:
        """Begin to carry bytes."""
        for toxic in toxics:
            self.directions[toxic.stream].apply(toxic)
        up, down = self.directions["upstream"], self.directions["downstream"]
        self._client.link(reads=up, writes=down)
        self._upstream.link(reads=down, writes=up)

    def reset(self) -> None:
        """End both sockets by RST."""
        for end in (self._client, self._upstream):
            end.reset()

    def close(self) -> None:
        """End both sockets at once, by FIN; what is held is lost."""
        for end in (self._client, self._upstream):
            end.transport.abort()

    def end_lost(self) -> None:
        """One of the sockets is closed, all that it was owed is sent."""
        self._lost += 1
        if self._lost == 2:
            self.owner.link_lost(self)

    def as_json(self) -> dict[str, object]:
        """The live counters, in bytes."""
        return {
            "connection": self.number,
            "client": self._peer,
            "age_ms": round((time.monotonic() - self._since_s) * 1000),
            "bytes": {
                stream: {"received": direction.received, "sent": direction.sent}
                for stream, direction in self.directions.items()
            },
        }
