"""The HTTP/1.1 server of one process: an `asyncio.Protocol` around the parser of `httptools`.

A connection is one task that answers its requests one after the other, so answers keep the order
in which they were asked for, and no request costs a task. It must bring a whole request in time,
read its answers in time, its head and body have limits, and there may be so many of them. On the
way out clients are told to go elsewhere before anything is closed.
"""

import asyncio
import socket
from collections import deque
from typing import cast
from urllib.parse import parse_qsl, unquote

import httptools

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http import messages
from gauntlet.reference_server.http.messages import Handler

HEAD_BYTES_MAX = 65_536
PIECE_BYTES = 16_384  # what is parsed before limits are looked at
CHUNKING_MAX = 8  # times a body's limit: what it may be wrapped in on its way
PIPELINED_MAX = 8  # requests that wait on one connection before it is read no further
GRACE_S = 2
KEEP_ALIVE_S = 60
CHECK_EVERY_S = 1.0
# How long a server that leaves still answers, so that clients can go without a broken call.
LAME_DUCK_S = 0.5

_KEPT = {name.encode(): name for name in (*messages.HEADERS, "content-length", "expect")}


class Site:
    """What all connections of a process share; `now_s` is the loop's time at the last check."""

    def __init__(self, handle: Handler, config: Config, metrics: Metrics) -> None:
        self.handle, self.settings, self.metrics = handle, config.settings, metrics
        self.connections: set[Connection] = set()
        self.serving: set[asyncio.Task[None]] = set()
        self.leaving, self.now_s = False, 0.0
        metrics.gauge("connections", lambda: len(self.connections))


class Connection(asyncio.Protocol):
    """One client's connection.

    The parser calls the `on_…` methods while it reads; whole requests wait in `_asked`. A refusal
    waits there too, in its turn, and nothing is heard after it.
    """

    transport: asyncio.Transport

    def __init__(self, site: Site) -> None:
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._asked: deque[messages.Request | ApiError] = deque()
        self._waiter: asyncio.Future[None] | None = None  # done when there is something to do
        self._is_lost = self._is_deaf = self._is_paused = False
        # Since when we wait for the client: to ask, to finish a request, to read our answers.
        self._since: float | None = self._loop.time()
        self._choked_since: float | None = None
        self._idle_since = 0.0
        self._in_head = self._in_request = self._has_ended_one = False
        # Bytes of a body, and of a request of which no piece was its end.
        self._body_bytes = self._received = 0
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        site = self._site
        site.connections.add(self)
        if len(site.connections) > site.settings.http_connections_max:
            site.metrics.add("connections_refused_total")
            self._refuse(ApiError("unavailable", "too many connections"))
        task = self._loop.create_task(self._serve())
        site.serving.add(task)
        task.add_done_callback(site.serving.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        self._site.connections.discard(self)
        self._is_lost = True
        self._asked.clear()
        self._wake()

    def pause_writing(self) -> None:
        self._choked_since = self._loop.time()

    def resume_writing(self) -> None:
        self._choked_since = None
        self._wake()

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), PIECE_BYTES):
            if self._is_deaf:
                break
            self._has_ended_one = False
            piece = data[at : at + PIECE_BYTES]
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                self._is_deaf = True  # what follows is no HTTP; the request is answered as others
            except httptools.HttpParserError as error:
                self._refuse(ApiError("bad_request", str(error)))
            if self._in_request or not self._has_ended_one:
                # How much of a piece with an end is of the next request, the parser does not tell.
                self._note_part(0 if self._has_ended_one else len(piece))
        if len(self._asked) > PIPELINED_MAX and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        self._wake()

    def on_message_begin(self) -> None:
        self._in_head = self._in_request = True
        self._url, self._headers, self._body, self._body_bytes = b"", {}, [], 0

    def on_url(self, part: bytes) -> None:
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        kept = _KEPT.get(name.lower())
        if kept is not None and self._in_head:  # trailers are no headers
            self._headers[kept] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._limit(int(self._headers.get("content-length", 0)))
        if "expect" in self._headers and self.is_idle:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._body.append(part)
        self._body_bytes += len(part)
        self._limit(self._body_bytes)

    def on_message_complete(self) -> None:
        self._in_request, self._has_ended_one = False, True
        self._received, self._since = 0, None
        if self._is_deaf:
            return
        try:
            self._asked.append(self._request())
        except (httptools.HttpParserError, UnicodeDecodeError) as error:
            self._refuse(ApiError("bad_request", str(error)))
        if not self._parser.should_keep_alive():
            self._is_deaf = True

    def check(self, now_s: float) -> None:
        """Close a connection that has made us wait for too long, or that nobody uses."""
        since = self._since if self._choked_since is None else self._choked_since
        if since is not None:
            if now_s - since > self._site.settings.request_timeout_ms / 1000:
                self._site.metrics.add("slow_requests_total")
                self.transport.abort()
        elif self.is_idle and now_s - self._idle_since > KEEP_ALIVE_S:
            self._since = now_s
            self.transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered, or waits to be."""
        return self._waiter is not None and not self._asked and not self._is_deaf

    def _request(self) -> messages.Request:
        """What has arrived; HttpParserError or UnicodeDecodeError if its URL is none."""
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

    def _note_part(self, size: int) -> None:
        """A piece came that was not a request's end: both time and size are limited."""
        if self._since is None:
            self._since = self._loop.time()
        self._received += size
        if self._in_head and self._received > HEAD_BYTES_MAX:
            self._refuse(ApiError("bad_request", "the head of the request is too long"))
        self._limit((self._received - HEAD_BYTES_MAX) // CHUNKING_MAX)

    def _limit(self, body_bytes: int) -> None:
        most = self._site.settings.body_bytes_max
        if body_bytes > most:
            self._refuse(ApiError("too_large", f"the body may have at most {most} bytes"))

    def _refuse(self, error: ApiError) -> None:
        """Answer with an error in its turn, and hear no more."""
        if not self._is_deaf:
            self._is_deaf = True
            self._asked.append(error)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _serve(self) -> None:
        """Answer until the connection has ended."""
        while not self._is_lost:
            if not self._asked or self._choked_since is not None:
                self._waiter = self._loop.create_future()
                await self._waiter
                self._waiter = None
                continue
            asked = self._asked.popleft()
            if self._is_paused and not self._asked:
                self._is_paused = False
                self.transport.resume_reading()
            if isinstance(asked, ApiError):
                self._answer(messages.failure(asked), with_body=True)
            else:
                response = await messages.answer(self._site.handle, asked)
                self._answer(response, with_body=asked.method != "HEAD")

    def _answer(self, response: messages.Response, *, with_body: bool) -> None:
        if self._is_lost:
            return
        is_last = (self._is_deaf or self._site.leaving) and not self._asked
        self.transport.write(response.encoded(with_body=with_body, closes=is_last))
        self._idle_since = self._site.now_s
        if not is_last:
            return
        # Either end waits for him, to close or to read what is left, for as long as for a request.
        self._is_deaf, self._since = True, self._loop.time()
        if self._in_request and self.transport.can_write_eof():
            # What the client still sends would be answered by a reset, which could cost him the
            # answer: first he closes (RFC 9112, 9.6).
            self.transport.write_eof()
        else:
            self.transport.close()


async def listen(handle: Handler, config: Config, metrics: Metrics, stop: asyncio.Event) -> None:
    """Serve until `stop`, then finish the calls that run."""
    loop = asyncio.get_running_loop()
    site = Site(handle, config, metrics)
    stopping = loop.create_task(stop.wait())
    listener = socket.create_server((config.host, config.port), backlog=2048)
    server = await loop.create_server(lambda: Connection(site), sock=listener, backlog=2048)
    while not stop.is_set():
        site.now_s = loop.time()
        for connection in tuple(site.connections):
            connection.check(site.now_s)
        await asyncio.wait([stopping], timeout=CHECK_EVERY_S)
    server.close()
    site.leaving = True
    await asyncio.sleep(LAME_DUCK_S if site.connections else 0)
    for connection in tuple(site.connections):
        if connection.is_idle:
            connection.transport.close()
    if site.serving:
        await asyncio.wait(site.serving, timeout=GRACE_S)
    for connection in tuple(site.connections):
        connection.transport.abort()
    for task in site.serving:
        task.cancel()
    await asyncio.gather(stopping, *site.serving, return_exceptions=True)
