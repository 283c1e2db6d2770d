"""One proxy: a listener, its connections and its toxics."""

import asyncio
import contextlib
import logging
import os
import socket
from collections import Counter
from random import Random
from typing import Any

import msgspec

from gauntlet.chaos.proxy import errors, refusal
from gauntlet.chaos.proxy.addresses import format_address, resolve, resolve_all
from gauntlet.chaos.proxy.endpoint import Endpoint
from gauntlet.chaos.proxy.proxied_connection import ProxiedConnection
from gauntlet.chaos.proxy.toxic import STREAMS, Stream, Toxic
from gauntlet.chaos.proxy.toxics import TOXICS
from gauntlet.chaos.proxy.turns import Turns

_log = logging.getLogger(__name__)

DIAL_TIMEOUT_S = 5.0
_BACKLOG = 4096
_ACCEPTS_PER_WAKE = 64
_ACCEPT_PAUSE_S = 0.1  # after an accept failed, for example for lack of file descriptors


class ProxyBody(msgspec.Struct, frozen=True):
    """A request to create or change a proxy. `name` and `upstream` have no useful default."""

    name: str = ""
    listen: str = ""
    upstream: str = ""
    enabled: bool = True


class Proxy:
    """A listener that forwards to an upstream. Callers must not run its methods concurrently."""

    def __init__(self, body: ProxyBody, seed: int, turns: Turns | None = None) -> None:
        self.turns = turns or Turns()  # shared by all proxies of a server
        self.name = body.name
        self.listen = body.listen
        self.upstream = body.upstream
        self.enabled = False
        self.connections: set[ProxiedConnection] = set()
        self._toxics: dict[str, Toxic] = {}
        self._last_serial = 0
        self._accepted = 0
        self._seed = seed
        self._listener: socket.socket | None = None
        self._listening = False
        self._dials: set[asyncio.Task[None]] = set()
        self._ended_bytes: Counter[tuple[str, Stream]] = Counter()

    # --- the listener

    async def start(self) -> None:
        """Listen; `listen` then holds the real address. Raises ApiError (500) if that fails."""
        try:
            address = await resolve(self.listen)
        except errors.ApiError as error:
            raise errors.ApiError(f"listen tcp: {error.message}", 500) from error
        try:
            listener = socket.create_server(
                (address.host, address.port), family=address.family, backlog=_BACKLOG
            )
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise errors.ApiError(f"listen tcp {address}: bind: {reason}", 500) from error
        listener.setblocking(False)
        self._listener = listener
        self._listening = True
        self.listen = format_address(listener.getsockname())
        self.enabled = True
        asyncio.get_running_loop().add_reader(listener, self._accept)
        self._adjust_listener()

    def stop(self) -> None:
        """Close the listener and every connection; the address is kept for the next start."""
        self.enabled = False
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
            self._listening = False
        for dial in self._dials:
            dial.cancel()
        for connection in list(self.connections):
            connection.close()

    async def differs(self, body: ProxyBody) -> bool:
        """Whether a request changes an address; `localhost:80` equals `127.0.0.1:80`."""
        listen = str(await resolve(body.listen))
        return body.upstream != self.upstream or listen != self.listen

    async def update(self, body: ProxyBody) -> None:
        """Change addresses or state; connections stay open if the addresses stay the same."""
        if await self.differs(body):
            self.stop()
            self.listen, self.upstream = body.listen, body.upstream
        if body.enabled and not self.enabled:
            await self.start()
        elif self.enabled and not body.enabled:
            self.stop()

    # --- connections

    def _accept(self) -> None:
        assert self._listener is not None
        for _ in range(_ACCEPTS_PER_WAKE):
            try:
                client, name = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.warning("%s: cannot accept: %s", self.name, error)
                self._pause_accepting(self._listener)
                return
            self._accepted += 1
            if any(self._selects(toxic, self._accepted) for toxic in self._refusals()):
                refusal.reset(client)
                continue
            dial = asyncio.create_task(self._connect(self._accepted, client, format_address(name)))
            self._dials.add(dial)
            dial.add_done_callback(self._dials.discard)

    def _pause_accepting(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)

        def resume() -> None:
            if listener is self._listener:
                loop.add_reader(listener, self._accept)

        loop.call_later(_ACCEPT_PAUSE_S, resume)

    async def _connect(self, number: int, client: socket.socket, client_address: str) -> None:
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(client.close)
            try:
                async with asyncio.timeout(DIAL_TIMEOUT_S):
                    upstream = await _dial(self.upstream)
            except (errors.ApiError, OSError) as error:
                _log.warning("%s: cannot dial %s: %r", self.name, self.upstream, error)
                return
            cleanup.callback(upstream.close)
            ends = Endpoint(client), Endpoint(upstream)
            connection = ProxiedConnection(number, self, *ends, client_address)
            cleanup.pop_all()
        self.connections.add(connection)
        connection.start(self.toxics())

    def connection_closed(self, connection: ProxiedConnection) -> None:
        """Remove a connection; its bytes stay in the totals."""
        self.connections.discard(connection)
        self._ended_bytes.update(_byte_counters(connection))

    def byte_totals(self) -> Counter[tuple[str, Stream]]:
        """Return `(received|sent, stream)` → bytes, over ended and live connections."""
        totals = Counter(self._ended_bytes)
        for connection in self.connections:
            totals.update(_byte_counters(connection))
        return totals

    # --- toxics

    def toxics(self) -> list[Toxic]:
        """Return the upstream toxics, then the downstream ones, each in the order of adding."""
        return sorted(self._toxics.values(), key=lambda t: (STREAMS.index(t.stream), t.serial))

    def toxic(self, name: str) -> Toxic:
        """Return a toxic by name; raises ApiError (404) if there is none."""
        if name not in self._toxics:
            raise errors.toxic_not_found()
        return self._toxics[name]

    def add_toxic(self, body: object) -> Toxic:
        """Add a toxic; it takes effect on live connections immediately."""
        toxic = Toxic.create(self._last_serial + 1, body)
        if toxic.name in self._toxics:
            raise errors.toxic_exists()
        self._last_serial += 1
        return self._apply(toxic)

    def update_toxic(self, name: str, body: object) -> Toxic:
        """Change the toxicity or the attributes of a toxic."""
        return self._apply(self.toxic(name).updated(body))

    def remove_toxic(self, name: str) -> None:
        """Remove a toxic; the bytes that it held are sent on."""
        toxic = self.toxic(name)
        del self._toxics[name]
        for connection in list(self.connections):
            connection.directions[toxic.stream].remove(toxic)
        self._adjust_listener()

    def random(self, connection_number: int, toxic: Toxic) -> Random:
        """Return random numbers that depend only on the seed, the proxy, connection and toxic."""
        key = (self._seed, self.name, connection_number, toxic.stream, toxic.serial)
        return Random("/".join(map(str, key)))

    def _apply(self, toxic: Toxic) -> Toxic:
        self._toxics[toxic.name] = toxic
        for connection in list(self.connections):
            connection.directions[toxic.stream].apply(toxic)
        self._adjust_listener()
        return toxic

    def _refusals(self) -> list[Toxic]:
        return [toxic for toxic in self._toxics.values() if TOXICS[toxic.type].refuses_new]

    def _selects(self, toxic: Toxic, connection_number: int) -> bool:
        return self.random(connection_number, toxic).random() < toxic.toxicity

    def _adjust_listener(self) -> None:
        """Listen, unless a toxic refuses every new connection; the port stays ours meanwhile."""
        listen = not any(toxic.toxicity >= 1 for toxic in self._refusals())
        if self._listener is None or listen == self._listening:
            return
        loop = asyncio.get_running_loop()
        self._listening = listen
        if listen:
            self._listener.listen(_BACKLOG)
            loop.add_reader(self._listener, self._accept)
        else:
            loop.remove_reader(self._listener)
            self._listener = refusal.without_listening(self._listener)

    def as_json(self) -> dict[str, Any]:
        """Return the proxy in the form of the API."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.as_json() for toxic in self.toxics()],
        }


async def _dial(upstream: str) -> socket.socket:
    """Connect to the first address that accepts; raises ApiError or OSError."""
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for address in await resolve_all(upstream):
        dialled = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            dialled.setblocking(False)
            await loop.sock_connect(dialled, (address.host, address.port))
        except OSError as error:
            dialled.close()
            failure = error
        except asyncio.CancelledError:
            dialled.close()
            raise
        else:
            return dialled
    raise failure or OSError("no address")


def _byte_counters(connection: ProxiedConnection) -> dict[tuple[str, Stream], int]:
    return {
        (counter, stream): getattr(direction, counter)
        for stream, direction in connection.directions.items()
        for counter in ("received", "sent")
    }
