"""A WebSocket node: accepts clients, and ties its parts together for one boot.

At connect, always in this order: write the lease, join the local fan-out, read heads, send
`connected`. So nothing committed after those heads can pass a client by: it is pushed, or
announced as a gap.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gauntlet.reference_server import bus, registry
from gauntlet.reference_server.core import tokens, wire
from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import PresenceChange, PresenceEvent
from gauntlet.reference_server.core.metrics import LoopLag, Metrics
from gauntlet.reference_server.core.wire import Close, WireError
from gauntlet.reference_server.edge.client_socket import (
    CLOSE_TIMEOUT_S,
    BoundedConnection,
    ClientSocket,
)
from gauntlet.reference_server.edge.connection import Connection, refusal
from gauntlet.reference_server.edge.control_http import EdgeHttp
from gauntlet.reference_server.edge.drain import Drain
from gauntlet.reference_server.edge.lease_keeper import LeaseKeeper
from gauntlet.reference_server.edge.presence_reporter import Attendance
from gauntlet.reference_server.edge.repair import Repair
from gauntlet.reference_server.edge.subscriptions import EdgeFanout
from gauntlet.reference_server.edge.upstream import Upstream
from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.registry.base import EdgeLease, Lease

CONNECT_WITHIN_S = 5.0
CLOSE_WITHIN_S = 2.0
LEASES_PER_PING = 3
HANDSHAKES_KEPT = 500
# Left to itself the system buffers megabytes for a client that does not read, outside the outbox.
SEND_BUFFER_BYTES = 65_536

log = logging.getLogger(__name__)


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Be an edge until `stop`; then close every connection 1012 and take back what is leased."""
    edge = Edge(config)
    try:
        await edge.run(stop)
    finally:
        await edge.close()


class Edge:
    """One boot of one edge."""

    def __init__(self, config: Config) -> None:
        settings = config.settings
        self._config = config
        self._settings = settings
        self._epoch = f"{time.time_ns() // 1_000_000:012x}"  # sorts: the registry lets later win
        self._queue = f"edges.{config.name}.{self._epoch}"
        self._accepted = 0
        self._sockets: set[ClientSocket] = set()  # those that have been told `connected`
        # The last ones; None for one that failed by no fault of the client.
        self._handshakes_ms: deque[float | None] = deque(maxlen=HANDSHAKES_KEPT)
        self._metrics = Metrics()
        self._lag = LoopLag()
        self._registry = registry.connect(
            config.registry, lease_ms=LEASES_PER_PING * settings.ping_ms
        )
        self._bus = bus.connect(config.bus)
        self._service_client = ServiceClient(
            config.urls, config.internal_token, settings.call_timeout_ms
        )
        for name in ("message", "room"):
            is_open = partial(self._service_client.is_open, name)
            self._metrics.gauge(f'breaker_open{{service="{name}"}}', is_open)
        self._upstream = Upstream(config.name, self._service_client)
        self._fanout = EdgeFanout(self._metrics)
        self._repair = Repair(self._fanout, self._upstream, self._bus, settings)
        self._leases = LeaseKeeper(self._registry, settings.ping_ms, self._lease)
        self._attendance = Attendance(self._upstream)
        self._drain = Drain(lambda: self._sockets)
        self._http = EdgeHttp(self._metrics, self._drain, config, self.stats)
        for name, value in self.stats().items():
            if isinstance(value, int | float):
                self._metrics.gauge(name, lambda name=name: float(self.stats()[name]))  # type: ignore[misc]  # a default binds the name of this turn

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`. An ExceptionGroup means a bug: the process ends and is restarted."""
        await self._bus.consume(self._queue, self._hear)
        async with self._listen() as server, asyncio.TaskGroup() as group:
            for listener in server.sockets:  # what it accepts inherits the size
                listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
            jobs: list[Coroutine[Any, Any, None]] = [
                self._lag.watch(),
                self._leases.beat(),
                self._leases.write(),
                self._attendance.run(),
                self._repair.poll_heads(),
                self._repair.mend(),
                self._beat_hearts(),
            ]
            tasks = [group.create_task(job) for job in jobs]
            await stop.wait()
            await self._close_clients(server)
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """Tell the last events, take back leases and queue, close all connections to others."""
        self._drain.cancel()
        with suppress(ApiError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._attendance.flush()
        await self._leases.close()
        await self._bus.close()
        await self._registry.close()
        await self._service_client.close()

    def stats(self) -> dict[str, Any]:
        """What the cutover watches; see `docs/reference/edge-control.md`."""
        ready = {
            "bus": self._bus.connected,
            "registry": self._leases.reachable,
            "heads": self._repair.readable,
            "open": self._drain.active is None,
        }
        handshakes = sorted(took_ms for took_ms in self._handshakes_ms if took_ms is not None)
        return {
            "connections": len(self._sockets),
            "forced_closes": self._drain.forced_closes,
            "draining": self._drain.active is not None,
            "handshakes": len(self._handshakes_ms),
            "handshakes_failed": self._handshakes_ms.count(None),
            "handshake_p99_ms": handshakes[len(handshakes) * 99 // 100] if handshakes else 0.0,
            "loop_lag_ms": self._lag.worst_ms(),
            "bus_connected": self._bus.connected,
            "repairs": self._repair.reads,
            "pushes": self._fanout.pushed,
            "missing": [name for name, there in ready.items() if not there],
        }

    def _listen(self) -> AbstractAsyncContextManager[Server]:
        return listen(
            self._client,
            self._config.host,
            self._config.port,
            process_request=self._http.answer,
            subprotocols=[Subprotocol(wire.SUBPROTOCOL)],
            compression=None,
            ping_interval=None,  # heartbeats are frames of our protocol
            open_timeout=CONNECT_WITHIN_S,
            max_size=wire.FRAME_BYTES_MAX,
            close_timeout=CLOSE_TIMEOUT_S,
            create_connection=BoundedConnection,
            write_limit=2 * self._settings.outbox_bytes,  # never reached by what we write
        )

    async def _close_clients(self, server: Server) -> None:
        """Close all with 1012; who does not read that in time is cut off."""
        server.close(code=Close.RESTARTING)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await asyncio.shield(server.wait_closed())
        for ws in server.all_connections:  # those too that we had begun to close before
            ws.transport.abort()

    def _hear(self, message: bytes) -> None:
        try:
            self._fanout.hear(wire.decode_batch(message))
        except WireError:
            log.exception("not a batch")

    def _lease(self) -> EdgeLease:
        place = (self._config.name, self._config.environment or "", self._queue, self._epoch)
        return EdgeLease(*place, len(self._sockets), takes_clients=self._drain.active is None)

    async def _client(self, ws: ServerConnection) -> None:
        """One client from its upgrade to its end."""
        began_s = time.monotonic()
        for part in (ws.request, ws.response):
            if part is not None:
                part.headers.clear()  # a third of what an idle connection would hold for life
        self._accepted += 1
        core = Connection(
            f"{self._config.name}|{self._epoch}-{self._accepted}",
            ping_ms=self._settings.ping_ms,
            pong_ms=self._settings.pong_ms,
            now_s=began_s,
        )
        socket = ClientSocket(core, ws, outbox_bytes=self._settings.outbox_bytes)
        try:
            await self._greet(socket, ws)
            self._handshakes_ms.append(1000 * (time.monotonic() - began_s))
            async for data in ws:
                self._obey(socket, core.receive(data, time.monotonic()))
        except ConnectionClosed:
            pass
        except TimeoutError:
            socket.close(Close.IDLE, "no connect frame")
        except ApiError as error:
            log.warning("client turned away: %s", error)
            self._handshakes_ms.append(None)
            socket.close(Close.OVERLOAD, "heads cannot be read")
        except WireError as error:
            socket.send(refusal(error))
            socket.close(error.code)
        finally:
            self._forget(socket)
            await socket.closed()

    async def _greet(self, socket: ClientSocket, ws: ServerConnection) -> None:
        core = socket.core
        async with asyncio.timeout(CONNECT_WITHIN_S):
            hello = core.receive(await ws.recv(), time.monotonic()).connect
        assert hello is not None, "the core lets no other frame be the first"
        socket.user = self._identify(hello)
        await self._leases.add(Lease(socket.user, core.name))
        if self._fanout.count(socket.user) >= self._settings.user_connections_max:
            raise WireError("too many connections of this user", Close.OVERLOAD)
        self._fanout.join(socket)
        known = await self._upstream.heads(socket.user)
        self._repair.watch_from(known.watermark)
        socket.send(core.connected(known.heads))
        self._sockets.add(socket)
        self._fanout.subscribe(socket, known.heads)
        self._drain.greet(socket)
        self._tell(socket, "back")
        self._metrics.add("connects_total")
        if hello.cursors:
            self._metrics.add("reconnects_total")

    def _identify(self, hello: wire.Connect) -> str:
        """The user; WireError without a good token that was given to this device."""
        try:
            claims = tokens.verify(hello.token, self._config.secret, time.time())
        except tokens.TokenError as error:
            raise WireError(str(error), Close.UNAUTHORIZED) from error
        if claims.device != hello.device:
            raise WireError("the token is another device's", Close.UNAUTHORIZED)
        return claims.user

    def _forget(self, socket: ClientSocket) -> None:
        self._metrics.add(f'closes_total{{code="{socket.closed_with or "by_client"}"}}')
        if not socket.user:
            return
        self._fanout.leave(socket)
        self._leases.drop(Lease(socket.user, socket.core.name))
        if socket in self._sockets:
            self._sockets.discard(socket)
            if not socket.left:
                self._tell(socket, "lost")
        if not self._sockets:
            self._repair.rest()

    def _obey(self, socket: ClientSocket, frame: wire.ClientFrame) -> None:
        if frame.ping is not None:
            socket.send(socket.core.pong())
        elif frame.enter is not None:
            self._tell(socket, "enter", frame.enter.conv)
        elif frame.exit is not None:
            self._tell(socket, "exit", frame.exit.conv)
        elif frame.leave is not None:
            socket.left = True
            self._tell(socket, "leave")
            socket.close(Close.NORMAL)
        elif frame.ack is not None:
            self._metrics.add("acks_total")

    def _tell(self, socket: ClientSocket, event: PresenceChange, conv: str = "") -> None:
        self._attendance.tell(PresenceEvent(socket.user, socket.core.name, event, conv))

    async def _beat_hearts(self) -> None:
        """Ping clients, and close those that have been silent for too long."""
        pause_s = min(1.0, self._settings.ping_ms / 10_000)
        while True:
            now_s = time.monotonic()
            for socket in tuple(self._sockets):
                if socket.core.is_dead(now_s):
                    socket.close(Close.HEARTBEAT_LOST, "silent")
                elif ping := socket.core.ping(now_s):
                    socket.send(ping)
            await asyncio.sleep(pause_s)
