"""Keep-alive HTTP/1.1, to allowed hosts: thousands of small requests a second on one core.

No task and no timer a request: an answer is a call, and what is overdue is looked for a few times
a second.
"""

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools

from gauntlet.scenarios.adapters.base import Request, Response
from gauntlet.scenarios.network.websocket import AllowedHosts, TransportError

_IDLE_S = 3.0  # a server's keep-alive time-out is longer, so a reused connection is a live one
_SWEEP_S = 0.05
_LENGTH = b"content-length: "

Answered = Callable[[Response | TransportError], None]


class HttpClient:
    """A client of any number of servers, one request at a time on a connection.

    Made for thousands of small requests a second: no task and no timer a request. What is due by
    now is looked for a few times a second, so a time-out may come `_SWEEP_S` late.
    """

    def __init__(self, gate: AllowedHosts) -> None:
        self._gate = gate
        self._idle: dict[str, list[_HttpConnection]] = {}
        self._busy: set[_HttpConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    def exchange(
        self, base_url: str, request: Request, timeout_s: float, answered: Answered
    ) -> None:
        """Send a request; `answered` is called once, with the response or what came instead."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        connection = self._reuse(base_url, now_s - _IDLE_S)
        if connection is None:
            work = self._connect(base_url, request, now_s + timeout_s, answered)
            task = loop.create_task(work)
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        else:
            self._send(connection, request, now_s + timeout_s, answered)

    async def request(self, base_url: str, request: Request, timeout_s: float) -> Response:
        """The answer; TransportError where there is none within `timeout_s`."""
        answer: asyncio.Future[Response | TransportError]
        answer = asyncio.get_running_loop().create_future()

        def answered(outcome: Response | TransportError) -> None:
            if not answer.done():  # cancelled: nobody waits any more
                answer.set_result(outcome)

        self.exchange(base_url, request, timeout_s, answered)
        outcome = await answer
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close every connection; whoever still waits gets no answer."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for task in self._connecting:
            task.cancel()
        idle = [connection for connections in self._idle.values() for connection in connections]
        for connection in (*idle, *self._busy):
            connection.forget()
        self._idle.clear()
        self._busy.clear()

    def _reuse(self, base_url: str, oldest_s: float) -> "_HttpConnection | None":
        connections = self._idle.get(base_url)
        while connections:
            connection = connections.pop()
            if connection.reusable and connection.used_at_s >= oldest_s:
                return connection
            connection.forget()
        return None

    async def _connect(
        self, base_url: str, request: Request, until_s: float, answered: Answered
    ) -> None:
        url = urlsplit(base_url)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until_s):
                address = await self._gate.resolve(url.hostname or "")
                _, connection = await loop.create_connection(
                    lambda: _HttpConnection(base_url, self._ended), address, url.port or 80
                )
        except OSError as error:  # TimeoutError is one too
            refused = TransportError(str(error) or type(error).__name__)
            refused.__cause__ = error
            answered(refused)
            return
        self._send(connection, request, until_s, answered)

    def _send(
        self,
        connection: "_HttpConnection",
        request: Request,
        until_s: float,
        answered: Answered,
    ) -> None:
        self._busy.add(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)
        connection.send(request, until_s, answered)

    def _ended(self, connection: "_HttpConnection") -> None:
        """An exchange is over."""
        self._busy.discard(connection)
        if connection.reusable:
            self._idle.setdefault(connection.base_url, []).append(connection)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._sweeping = None
        for connection in [one for one in self._busy if one.until_s <= now_s]:
            connection.fail("TimeoutError")  # whoever hears of it may send, and begin a sweep
        if self._busy and self._sweeping is None:
            self._sweeping = loop.call_later(_SWEEP_S, self._sweep)


def _encode(request: Request, authority: str) -> bytes:
    token = f"Authorization: Bearer {request.token}\r\n" if request.token else ""
    kind = "Content-Type: application/json\r\n" if request.body else ""
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nHost: {authority}\r\n{token}{kind}"
        f"Content-Length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


def _plain_success(data: bytes) -> Response | None:
    """The response, where `data` is a whole 2xx that says its length and nothing that matters.

    So are nearly all, and a parser that calls back for every header costs several times as much.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or not data.startswith(b"HTTP/1.1 2"):
        return None
    head = data[:end].lower()
    at = head.find(_LENGTH)
    if at < 0 or b"\r\nconnection:" in head or b"\r\ntransfer-encoding:" in head:
        return None
    length, _, _ = head[at + len(_LENGTH) :].partition(b"\r")
    if not length.isdigit() or len(data) != end + 4 + int(length):
        return None
    return Response(int(data[9:12]), data[end + 4 :])


class _HttpConnection(asyncio.Protocol):
    """One connection, one exchange at a time; httptools calls the `on_…` methods."""

    def __init__(self, base_url: str, ended: Callable[["_HttpConnection"], None]) -> None:
        self.base_url = base_url
        self.reusable = True
        self.used_at_s = 0.0
        self.until_s = 0.0
        self._ended = ended
        self._authority = urlsplit(base_url).netloc
        self._transport: asyncio.Transport | None = None
        self._answered: Answered | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body = bytearray()
        self._retry_after_s = 0.0
        self._complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: Request, until_s: float, answered: Answered) -> None:
        """Send a request; `answered` is called once, if nobody forgets it."""
        self.until_s = until_s
        self._answered = answered
        if self._transport is None or self._transport.is_closing():
            self.fail("closed before the request")
        else:
            self._transport.write(_encode(request, self._authority))

    def fail(self, why: str) -> None:
        """Close at once; what is under way has no response."""
        self._close()
        self._end(TransportError(why))

    def forget(self) -> None:
        """Close at once; nobody hears of it."""
        self._answered = None
        self._close()

    def _close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _end(self, outcome: Response | TransportError) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            if not self.reusable:
                self._close()
            # First: whoever is answered may ask again, and this connection is free.
            self._ended(self)
            answered(outcome)

    def data_received(self, data: bytes) -> None:
        if self._answered is None:
            self._close()  # it speaks unasked
        elif self._parser is None and (response := _plain_success(data)) is not None:
            self.used_at_s = asyncio.get_running_loop().time()
            self._end(response)
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(f"not HTTP: {error}")
            return
        if self._complete:
            self._finish(self._parser)

    def _finish(self, parser: httptools.HttpResponseParser) -> None:
        self.used_at_s = asyncio.get_running_loop().time()
        status = parser.get_status_code()
        response = Response(status, bytes(self._body), self._retry_after_s)
        self._parser, self._body = None, bytearray()
        self._complete, self._retry_after_s = False, 0.0
        self._end(response)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(str(exc or "closed by the server"))

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after" and value.isdigit():
            self._retry_after_s = float(value)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._parser is not None
        again = self._complete  # an answer too many: whose would the next one be?
        self._complete = True
        self.reusable = self.reusable and not again and bool(self._parser.should_keep_alive())
