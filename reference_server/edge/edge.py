"""A WebSocket node: accepts clients and connects the parts of an edge, from start to stop.

Every handshake has this order: write the lease, join the local subscriptions, read heads, send
`connected`. So a client misses nothing that is committed after those heads: it is pushed, or
announced as a gap.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import ConnectionClosed

from gauntlet.reference_server import bus, registry
from gauntlet.reference_server.core import trail, wire
from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import PresenceChange, PresenceEvent
from gauntlet.reference_server.core.metrics import LoopLag, Metrics, running_tasks
from gauntlet.reference_server.core.wire import Close, WireError
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.connection import Connection, error_frame, identify
from gauntlet.reference_server.edge.control_http import ControlHttp
from gauntlet.reference_server.edge.drain import Drain
from gauntlet.reference_server.edge.lease_keeper import LeaseKeeper
from gauntlet.reference_server.edge.listeners import (
    CONNECT_TIMEOUT_S,
    listen,
    listen_internally,
)
from gauntlet.reference_server.edge.presence_reporter import PresenceReporter
from gauntlet.reference_server.edge.repair import Repair
from gauntlet.reference_server.edge.subscriptions import Subscriptions
from gauntlet.reference_server.edge.upstream import Upstream
from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.registry.base import EdgeLease, Lease, new_epoch

SHUTDOWN_TIMEOUT_S = 2.0
LEASE_PINGS = 3  # a lease lasts this many ping intervals
HANDSHAKES_KEPT = 500
# By default the system buffers megabytes for a client that does not read, outside the outbox.
SEND_BUFFER_BYTES = 65_536

log = logging.getLogger(__name__)


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Serve as an edge until `stop`; then close every connection with 1012, remove the leases."""
    edge = Edge(config)
    try:
        await edge.run(stop)
    finally:
        await edge.close()
        trail.write(edge.trail, config)


class Edge:
    """One edge, from its start to its stop."""

    def __init__(self, config: Config) -> None:
        settings = config.settings
        self._config = config
        self._settings = settings
        self._epoch = new_epoch()
        self._queue = f"edges.{config.name}.{self._epoch}"
        self._accepted = 0
        self.trail = trail.begin(config)
        self._sockets: set[ClientSocket] = set()  # those that were sent `connected`
        # The most recent handshakes; None for one that failed through no fault of the client.
        self._handshakes_ms: deque[float | None] = deque(maxlen=HANDSHAKES_KEPT)
        self._metrics = Metrics()
        self._lag = LoopLag()
        self._registry = registry.connect(config.registry, lease_ms=LEASE_PINGS * settings.ping_ms)
        self._bus = bus.connect(config.bus)
        self._service_client = ServiceClient(
            config.urls, config.internal_token, settings.call_timeout_ms
        )
        for name in ("message", "room"):
            is_open = partial(self._service_client.is_open, name)
            self._metrics.gauge(f'breaker_open{{service="{name}"}}', is_open)
        self._upstream = Upstream(config.name, self._service_client)
        self._subscriptions = Subscriptions(self._metrics)
        self._repair = Repair(self._subscriptions, self._upstream, self._bus, settings, self.trail)
        self._leases = LeaseKeeper(self._registry, settings.ping_ms, self._edge_lease)
        self._presence = PresenceReporter(self._upstream)
        self._drain = Drain(lambda: self._sockets)
        self._http = ControlHttp(self._metrics, self._drain, config, self.stats)
        self._metrics.gauge("tasks", running_tasks)
        for name, value in self.stats().items():
            if isinstance(value, int | float):
                self._metrics.gauge(name, lambda name=name: float(self.stats()[name]))  # type: ignore[misc]  # a default argument binds the name of this iteration

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`.

        An ExceptionGroup that leaves this method is a bug; the process ends and is restarted.
        """
        await self._bus.consume(self._queue, self._on_bus_message)
        async with (
            listen(self._config, self._serve_client, self._http.respond) as server,
            listen_internally(self._config, self._serve_client, self._http.respond_internal),
            asyncio.TaskGroup() as group,
        ):
            for listener in server.sockets:  # accepted connections inherit the size
                listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
            jobs: list[Coroutine[Any, Any, None]] = [
                self._lag.watch(),
                self._leases.heartbeat_loop(),
                self._leases.write_loop(),
                self._presence.run(),
                self._repair.poll_heads(),
                self._repair.repair_loop(),
                self._heartbeat_loop(),
            ]
            tasks = [group.create_task(job) for job in jobs]
            await stop.wait()
            await self._close_clients(server)
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """Report the last events, remove the leases, and disconnect from other processes."""
        self._drain.cancel()
        with suppress(ApiError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._presence.flush()
        await self._leases.close()
        await self._bus.close()
        await self._registry.close()
        await self._service_client.close()

    def stats(self) -> dict[str, Any]:
        """Return what the cutover watches; see `docs/reference/edge-control.md`."""
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
            "pushes": self._subscriptions.pushed,
            "missing": [name for name, is_ready in ready.items() if not is_ready],
        }

    async def _close_clients(self, server: Server) -> None:
        """Close all clients with 1012; abort those that do not read it in time."""
        server.close(code=Close.RESTARTING)
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_TIMEOUT_S):
                await asyncio.shield(server.wait_closed())
        for ws in server.all_connections:  # including those whose close had begun before
            ws.transport.abort()

    def _on_bus_message(self, message: bytes) -> None:
        try:
            entries = wire.decode_batch(message)
        except WireError:
            log.exception("a bus message is not a batch of entries")
            return
        if self.trail is not None:
            self.trail.receive(entries)
        self._subscriptions.on_batch(entries)

    def _edge_lease(self) -> EdgeLease:
        identity = (self._config.name, self._config.environment or "", self._queue, self._epoch)
        return EdgeLease(*identity, len(self._sockets), takes_clients=self._drain.active is None)

    async def _serve_client(self, ws: ServerConnection) -> None:
        """Serve one client, from its upgrade to its end."""
        began_s = time.monotonic()
        for part in (ws.request, ws.response):
            if part is not None:
                part.headers.clear()  # a third of the memory of an idle connection
        self._accepted += 1
        core = Connection(
            f"{self._config.name}|{self._epoch}-{self._accepted}",
            ping_ms=self._settings.ping_ms,
            pong_ms=self._settings.pong_ms,
            now_s=began_s,
        )
        socket = ClientSocket(core, ws, outbox_bytes=self._settings.outbox_bytes, trail=self.trail)
        try:
            await self._handshake(socket, ws)
            self._handshakes_ms.append(1000 * (time.monotonic() - began_s))
            async for data in ws:
                self._handle_frame(socket, core.receive(data, time.monotonic()))
        except ConnectionClosed:
            pass
        except TimeoutError:
            socket.close(Close.IDLE, "no connect frame")
        except ApiError as error:
            log.warning("client rejected, its heads cannot be read: %s", error)
            self._handshakes_ms.append(None)
            socket.close(Close.OVERLOAD, "heads cannot be read")
        except WireError as error:
            socket.send(error_frame(error))
            socket.close(error.code)
        finally:
            self._on_disconnect(socket)
            await socket.closed()

    async def _handshake(self, socket: ClientSocket, ws: ServerConnection) -> None:
        core = socket.core
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            connect = core.receive(await ws.recv(), time.monotonic()).connect
        assert connect is not None, "the connection accepts no other first frame"
        socket.user = identify(connect, self._config.secret)
        socket.device = connect.device
        await self._leases.add(Lease(socket.user, core.name))
        if self._subscriptions.connection_count(socket.user) >= self._settings.user_connections_max:
            raise WireError("this user has too many connections", Close.OVERLOAD)
        self._subscriptions.join(socket)
        user_heads = await self._upstream.heads(socket.user)
        self._repair.set_watermark(user_heads.watermark)
        socket.greet(core.connected(user_heads.heads))
        self._sockets.add(socket)
        self._subscriptions.subscribe(socket, user_heads.heads)
        self._drain.on_connected(socket)
        self._report(socket, "back")
        self._metrics.add("connects_total")
        if connect.cursors:
            self._metrics.add("reconnects_total")

    def _on_disconnect(self, socket: ClientSocket) -> None:
        self._metrics.add(f'closes_total{{code="{socket.closed_with or "by_client"}"}}')
        if not socket.user:
            return
        self._subscriptions.leave(socket)
        self._leases.drop(Lease(socket.user, socket.core.name))
        if socket in self._sockets:
            self._sockets.discard(socket)
            if not socket.has_left:
                self._report(socket, "lost")
        if not self._sockets:
            self._repair.idle()

    def _handle_frame(self, socket: ClientSocket, frame: wire.ClientFrame) -> None:
        if socket.has_left:
            return  # an `enter` after `leave` would begin a stay that nothing ends
        if frame.ping is not None:
            socket.send(socket.core.pong())
        elif frame.enter is not None:
            self._report(socket, "enter", frame.enter.conv)
        elif frame.exit is not None:
            self._report(socket, "exit", frame.exit.conv)
        elif frame.leave is not None:
            socket.has_left = True
            self._report(socket, "leave")
            socket.close(Close.NORMAL)
        elif frame.ack is not None:
            self._metrics.add("acks_total")

    def _report(self, socket: ClientSocket, event: PresenceChange, conv: str = "") -> None:
        self._presence.report(PresenceEvent(socket.user, socket.core.name, event, conv))

    async def _heartbeat_loop(self) -> None:
        """Ping clients, and close those that have been silent for too long."""
        interval_s = min(1.0, self._settings.ping_ms / 10_000)
        while True:
            now_s = time.monotonic()
            for socket in tuple(self._sockets):
                if socket.core.is_dead(now_s):
                    socket.close(Close.HEARTBEAT_LOST, "silent")
                elif ping := socket.core.ping(now_s):
                    socket.send(ping)
            await asyncio.sleep(interval_s)
