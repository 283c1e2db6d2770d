"""The HTTP server of one process: uvicorn, and what it lacks against clients that take their time.

A connection must bring a whole request in time, its head may not grow without end, and there may
be so many of them. On the way out clients are told to go elsewhere before anything is closed.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reference_server.asgi import App
from reference_server.config import Config, Settings
from reference_server.errors import ApiError
from reference_server.metrics import Metrics

HEAD_BYTES_MAX = 65_536
GRACE_S = 2
KEEP_ALIVE_S = 60
# How long a server that leaves still answers, so that clients can go without a broken call.
LAME_DUCK_S = 0.5
# uvicorn without what costs time and serves nobody here.
PLAIN: dict[str, Any] = {
    "ws": "none",
    "lifespan": "off",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "date_header": False,
    "proxy_headers": False,
}


class _Connection(HttpToolsProtocol):
    """One client's connection; `_since` is when the request that it is sending began."""

    def __init__(self, settings: Settings, metrics: Metrics, **given: Any) -> None:
        super().__init__(**given)
        self._settings = settings
        self._metrics = metrics
        self._since: float | None = None
        self._head_bytes = 0
        self._in_head = False
        self.leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > self._settings.http_connections_max:
            self._metrics.add("connections_refused_total")
            self._refuse(ApiError("unavailable", "too many connections"))

    def data_received(self, data: bytes) -> None:
        if self._since is None:
            self._since = self.loop.time()
        super().data_received(data)
        self._head_bytes += len(data) if self._in_head else 0
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(ApiError("bad_request", "the head of the request is too long"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._since = self.loop.time()
        self._head_bytes, self._in_head = 0, True

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head_bytes, self._in_head = 0, False
        if self.leaving:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._since = None

    def send_400_response(self, msg: str) -> None:
        self._refuse(ApiError("bad_request", msg))

    def check(self, now: float) -> None:
        """Close a connection whose request takes too long to arrive."""
        if self._since is not None and now - self._since > self._settings.request_timeout_ms / 1000:
            self._metrics.add("slow_requests_total")
            self.transport.close()

    def leave(self) -> None:
        """Have every answer from now on say that it is the connection's last."""
        self.leaving = True
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _refuse(self, error: ApiError) -> None:
        headers = {"content-type": "application/json", "connection": "close", **error.headers()}
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {error.status} \r\n{''.join(lines)}content-length: {len(error.body())}"
        self.transport.write(head.encode() + b"\r\n\r\n" + error.body())
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn, with the process's own signal handling."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # once a second
            for connection in self._connections():
                connection.check(connection.loop.time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in self._connections():
            connection.leave()
        await asyncio.sleep(LAME_DUCK_S if self._connections() else 0)
        await super().shutdown(sockets)

    def _connections(self) -> list[_Connection]:
        return [each for each in self.server_state.connections if isinstance(each, _Connection)]


async def listen(app: App, config: Config, metrics: Metrics, stop: asyncio.Event) -> None:
    """Serve until `stop`, then finish the calls that run."""
    listener = socket.create_server((config.host, config.port), backlog=2048)
    connection: Any = partial(_Connection, config.settings, metrics)
    server = _Server(
        uvicorn.Config(
            app,
            http=connection,
            **PLAIN,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    metrics.gauge("connections", lambda: len(server.server_state.connections))
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving
