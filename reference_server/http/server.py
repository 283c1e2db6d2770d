"""The HTTP/1.1 server of one process: a protocol of asyncio around the parser of `httptools`.

One task per connection answers its requests one after the other, so responses keep the order of
the requests, and no request costs a task. Time limits apply to the arrival of a request and to the
client's reading of responses; size limits apply to heads, bodies and the number of connections.
The parser does not say where in its input a request ends. So it is fed at most one head, body or
chunk at a time: then all of what was fed belongs to one request, and the limits are exact.
During a shutdown clients are asked to close (`connection: close`) before connections are closed.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, cast
from urllib.parse import parse_qsl, unquote

import httptools

from gauntlet.reference_server.core.config import ClientTls, Config
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.tls import listener_options
from gauntlet.reference_server.http import messages
from gauntlet.reference_server.http.messages import Handler
from gauntlet.reference_server.http.router import respond

HEAD_BYTES_MAX = 65_536
CHUNKING_FACTOR_MAX = 8  # the encoding of a chunked body may be this many times the body limit
PIPELINED_MAX = 8  # requests that wait on one connection before reading pauses
GRACE_S = 2  # for running calls during a shutdown
KEEP_ALIVE_S = 60.0
CHECK_EVERY_S = 1.0
# During a shutdown the server still answers this long, so that clients lose no call.
LAME_DUCK_S = 0.5

# Every head ends with an empty line, and so does every chunked body.
_EMPTY_LINE = b"\r\n\r\n"
_KEPT_HEADERS = {
    name.encode(): name for name in (*messages.HEADERS, "content-length", "expect", "host")
}


class Listener(NamedTuple):
    """A port, and what handles its requests."""

    port: int
    handle: Handler
    tls: ClientTls | None = None


class ServerState:
    """What all connections of a process share; `now_s` is the loop's time at the last check."""

    def __init__(self, config: Config, metrics: Metrics) -> None:
        self.settings, self.metrics = config.settings, metrics
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.is_closing, self.now_s = False, 0.0
        metrics.gauge("connections", lambda: len(self.connections))


class Connection:
    """One client's connection, with the methods of `asyncio.Protocol`.

    It does not inherit them, because a compiled class calls itself faster without a base in Python.
    The parser calls the `on_…` methods while it reads. Complete requests wait in `_pending`, in
    their order. A request that is refused is represented by its error, and nothing after it is
    read.
    """

    transport: asyncio.Transport

    def __init__(self, state: ServerState, handle: Handler) -> None:
        self._state = state
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._pending: deque[messages.Request | ApiError] = deque()
        self._waiter: asyncio.Future[None] | None = None  # set while the task waits for work
        self._is_lost = self._ignores_input = self._is_paused = False
        # Since when the server waits for the client: for its first request, the rest of a request,
        # or the close of the connection; and since when it waits for it to read responses.
        self._waiting_since: float | None = self._loop.time()
        self._write_blocked_since: float | None = None
        self._idle_since = 0.0
        self._in_head = True  # also between requests: what comes next is a head
        self._received = 0  # bytes since the last complete request
        self._tail = b""  # the last of them: an empty line may be split between two reads
        self._body_bytes = 0
        self._body_length: int | None = None  # None if the body is chunked
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        state = self._state
        state.connections.add(self)
        if len(state.connections) > state.settings.http_connections_max:
            state.metrics.add("connections_refused_total")
            self._refuse(ApiError("unavailable", "too many connections"))
        task = self._loop.create_task(self._serve())
        state.tasks.add(task)
        task.add_done_callback(state.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        self._state.connections.discard(self)
        self._is_lost = True
        self._pending.clear()
        self._wake()

    def eof_received(self) -> None:
        """Do nothing, which closes the connection."""

    def pause_writing(self) -> None:
        self._write_blocked_since = self._loop.time()

    def resume_writing(self) -> None:
        self._write_blocked_since = None
        self._wake()

    def data_received(self, data: bytes) -> None:
        start = 0
        while start < len(data) and not self._ignores_input:
            end = self._end_of_part(data, start)
            self._parse(data[start:end])
            start = end
        if self._received and self._waiting_since is None:
            self._waiting_since = self._loop.time()
        if len(self._pending) > PIPELINED_MAX and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake()

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", {}, []
        self._body_bytes = 0

    def on_url(self, part: bytes) -> None:
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        kept = _KEPT_HEADERS.get(name.lower())
        if kept is not None and self._in_head:  # ignore trailers
            if kept in self._headers:  # it would depend on the reader which one counts
                self._refuse(ApiError("bad_request", f"the header {kept} is repeated"))
            self._headers[kept] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._in_head = False
        if "host" not in self._headers and self._parser.get_http_version() != "1.0":
            self._refuse(ApiError("bad_request", "a Host header is required"))  # RFC 9112, 3.2
        length = self._headers.get("content-length")
        self._body_length = None if length is None else int(length)
        self._limit(self._body_length or 0)
        if "expect" in self._headers and self.is_idle:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._body.append(part)
        self._body_bytes += len(part)
        self._limit(self._body_bytes)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._received, self._tail, self._waiting_since = 0, b"", None
        if self._ignores_input:
            return
        try:
            self._pending.append(self._request())
        except (httptools.HttpParserError, UnicodeDecodeError) as error:
            self._refuse(ApiError("bad_request", str(error)))
        if not self._parser.should_keep_alive():
            self._ignores_input = True

    def check(self, now_s: float) -> None:
        """Close the connection if its client exceeds a time limit or if it is idle for too long."""
        since = self._write_blocked_since
        if since is None:
            since = self._waiting_since
        if since is not None:
            if now_s - since > self._state.settings.request_timeout_ms / 1000:
                self._state.metrics.add("slow_requests_total")
                self.transport.abort()
        elif self.is_idle and now_s - self._idle_since > KEEP_ALIVE_S:
            self._waiting_since = now_s
            self.transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered or waits for its answer."""
        return self._waiter is not None and not self._pending and not self._ignores_input

    def _end_of_part(self, data: bytes, start: int) -> int:
        """Return the end of what can be parsed at once, because it belongs to one request."""
        if not self._in_head and self._body_length is not None:
            return min(len(data), start + self._body_length - self._body_bytes)
        if self._tail:
            split_line = (self._tail + data[start : start + 3]).find(_EMPTY_LINE)
            if split_line >= 0:
                return start + split_line + len(_EMPTY_LINE) - len(self._tail)
        line = data.find(_EMPTY_LINE, start)
        return len(data) if line < 0 else line + len(_EMPTY_LINE)

    def _parse(self, part: bytes) -> None:
        """Parse a part of a request, unless the request is too long with it."""
        self._received += len(part)
        self._tail = part[-3:]
        if not self._in_head:
            self._limit((self._received - HEAD_BYTES_MAX) // CHUNKING_FACTOR_MAX)
        elif self._received > HEAD_BYTES_MAX:
            limit = f"the head of a request may have at most {HEAD_BYTES_MAX} bytes"
            self._refuse(ApiError("head_too_large", limit))
        if self._ignores_input:
            return
        try:
            self._parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            self._ignores_input = True  # the rest is not HTTP; the request is answered as usual
        except httptools.HttpParserError as error:
            self._refuse(ApiError("bad_request", str(error)))

    def _request(self) -> messages.Request:
        """Build the request that arrived; HttpParserError or UnicodeDecodeError for a bad URL."""
        path, _, query = self._url.decode("ascii").partition("?")
        if not path.startswith("/"):
            parsed = httptools.parse_url(self._url)
            path, query = (parsed.path or b"/").decode(), (parsed.query or b"").decode()
        return messages.Request(
            self._parser.get_method().decode(),
            unquote(path) if "%" in path else path,
            b"".join(self._body),
            dict(parse_qsl(query)) if query else {},
            self._headers,
        )

    def _limit(self, body_bytes: int) -> None:
        maximum = self._state.settings.body_bytes_max
        if body_bytes > maximum:
            self._refuse(ApiError("too_large", f"the body may have at most {maximum} bytes"))

    def _refuse(self, error: ApiError) -> None:
        """Queue an error as the last response and ignore further input."""
        if not self._ignores_input:
            self._ignores_input = True
            self._pending.append(error)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _serve(self) -> None:
        """Answer requests until the connection ends."""
        while not self._is_lost:
            if not self._pending or self._write_blocked_since is not None:
                self._waiter = self._loop.create_future()
                await self._waiter
                self._waiter = None
                continue
            request = self._pending.popleft()
            if self._is_paused and not self._pending:
                self._is_paused = False
                self.transport.resume_reading()
            if isinstance(request, ApiError):
                self._write(messages.error_response(request), with_body=True)
            else:
                response = await respond(self._handle, request)
                self._write(response, with_body=request.method != "HEAD")

    def _write(self, response: messages.Response, *, with_body: bool) -> None:
        if self._is_lost:
            return
        is_last = (self._ignores_input or self._state.is_closing) and not self._pending
        self.transport.write(response.encode(with_body=with_body, closes=is_last))
        self._idle_since = self._state.now_s
        if not is_last:
            return
        # The client may take as long as for a request to close or to read the rest.
        self._ignores_input, self._waiting_since = True, self._loop.time()
        if self._received and self.transport.can_write_eof():
            # Closing now would answer further data with a reset, and the client could lose the
            # response: the client has to close first (RFC 9112, 9.6).
            self.transport.write_eof()
        else:
            self.transport.close()


async def _open(listener: Listener, host: str, state: ServerState) -> asyncio.Server:
    """Begin to listen."""
    return await asyncio.get_running_loop().create_server(
        lambda: cast("asyncio.Protocol", Connection(state, listener.handle)),
        sock=socket.create_server((host, listener.port), backlog=2048),
        backlog=2048,
        **listener_options(listener.tls),
    )


async def listen(
    listeners: Sequence[Listener], config: Config, metrics: Metrics, stop: asyncio.Event
) -> None:
    """Serve HTTP until `stop`, then finish the running calls and close all connections."""
    loop = asyncio.get_running_loop()
    state = ServerState(config, metrics)
    stopping = loop.create_task(stop.wait())
    servers = [await _open(listener, config.host, state) for listener in listeners]
    while not stop.is_set():
        state.now_s = loop.time()
        for connection in tuple(state.connections):
            connection.check(state.now_s)
        await asyncio.wait([stopping], timeout=CHECK_EVERY_S)
    for server in servers:
        server.close()
    state.is_closing = True
    await asyncio.sleep(LAME_DUCK_S if state.connections else 0)
    for connection in tuple(state.connections):
        if connection.is_idle:
            connection.transport.close()
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=GRACE_S)
    for connection in tuple(state.connections):
        connection.transport.abort()
    for task in state.tasks:
        task.cancel()
    await asyncio.gather(stopping, *state.tasks, return_exceptions=True)
