"""An HTTP/1.1 client with keep-alive: thousands of small requests per second on one core.

It connects to allowed hosts only. A request needs neither a task nor a timer: a response is passed
to a callback, and overdue requests are looked for a few times per second. Redirects are followed to
allowed hosts.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast
from urllib.parse import urljoin, urlsplit

import httptools
import msgspec

from gauntlet.scenarios.adapters.base import Request, Response
from gauntlet.scenarios.network.hosts import Endpoint, HostRefused, endpoint_of
from gauntlet.scenarios.network.http_messages import encode, header_lines, invalid, plain_success
from gauntlet.scenarios.network.wire import REDIRECTS_MAX, Network, TransportError

_IDLE_MAX_S = 3.0  # shorter than any server's keep-alive time-out, so that reuse rarely fails
_SWEEP_INTERVAL_S = 0.05
_SHOWN_CHARACTERS = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_REQUEST = frozenset({307, 308})  # the others turn every method but HEAD into GET
HEAD_BYTES_MAX = 64 << 10
INTERIM_MAX = 20  # responses 1xx before the final one
RETRY_AFTER_S_MAX = 3_600.0
# What proves an identity is not passed on to another host.
_SECRET_HEADERS = frozenset({"authorization", "cookie"})

OnOutcome = Callable[[Response | TransportError], None]


class HttpClient:
    """A client of any number of servers; a connection carries one request at a time.

    A time-out may come up to `_SWEEP_INTERVAL_S` late.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._headers = header_lines(network.headers)
        self._idle: dict[str, list[_HttpConnection]] = {}
        self._busy: set[_HttpConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    def exchange(
        self, base_url: str, request: Request, timeout_s: float, on_outcome: OnOutcome
    ) -> None:
        """Send a request; `on_outcome` is called once, with the response or the error."""
        if (fault := invalid(request)) is not None:
            on_outcome(TransportError(f"the adapter's request is invalid: {fault}"))
            return
        until_s = asyncio.get_running_loop().time() + (request.timeout_s or timeout_s)
        on_response = partial(self._on_response, base_url, request, until_s, on_outcome, 0)
        self._exchange(base_url, request, until_s, on_response)

    def _exchange(
        self, base_url: str, request: Request, until_s: float, on_outcome: OnOutcome
    ) -> None:
        loop = asyncio.get_running_loop()
        if not request.path.startswith("/"):
            base_url, request = _absolute(request)
        connection = self._reuse(base_url, loop.time() - _IDLE_MAX_S)
        if connection is None:
            connecting = self._connect(base_url, request, until_s, on_outcome)
            task = loop.create_task(connecting)
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        else:
            self._send(connection, request, until_s, on_outcome)

    def _on_response(
        self,
        base_url: str,
        request: Request,
        until_s: float,
        on_outcome: OnOutcome,
        redirects: int,
        outcome: Response | TransportError,
    ) -> None:
        """Pass on an outcome; a redirect is followed first."""
        if isinstance(outcome, TransportError) or outcome.status not in _REDIRECTS:
            on_outcome(outcome)
            return
        location = outcome.headers.get("location")
        if location is None or redirects == REDIRECTS_MAX:
            on_outcome(outcome)
            return
        try:
            next_request = redirected(base_url, request, outcome.status, location)
        except ValueError as error:
            on_outcome(TransportError(f"a redirect to {location[:_SHOWN_CHARACTERS]!r}: {error}"))
            return
        if (fault := invalid(next_request)) is not None:
            on_outcome(TransportError(f"the redirect is invalid: {fault}"))
            return
        on_response = partial(
            self._on_response, base_url, next_request, until_s, on_outcome, redirects + 1
        )
        self._exchange(base_url, next_request, until_s, on_response)

    async def request(self, base_url: str, request: Request, timeout_s: float) -> Response:
        """Return the response; TransportError if there is none within `timeout_s`."""
        future: asyncio.Future[Response | TransportError]
        future = asyncio.get_running_loop().create_future()

        def on_outcome(outcome: Response | TransportError) -> None:
            if not future.done():  # it is done if the caller was cancelled
                future.set_result(outcome)

        self.exchange(base_url, request, timeout_s, on_outcome)
        outcome = await future
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close every connection; the callbacks of open requests are not called."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for task in self._connecting:
            task.cancel()
        idle = [connection for connections in self._idle.values() for connection in connections]
        for connection in (*idle, *self._busy):
            connection.forget()
        self._idle.clear()
        self._busy.clear()

    def _reuse(self, base_url: str, used_since_s: float) -> "_HttpConnection | None":
        connections = self._idle.get(base_url)
        while connections:
            connection = connections.pop()
            if connection.reusable and connection.used_at_s >= used_since_s:
                return connection
            connection.forget()
        return None

    async def _connect(
        self, base_url: str, request: Request, until_s: float, on_outcome: OnOutcome
    ) -> None:
        loop, network = asyncio.get_running_loop(), self._network
        try:
            async with asyncio.timeout_at(until_s):
                endpoint = endpoint_of(base_url)
                address, port = await network.hosts.locate(endpoint)
                connection = _HttpConnection(
                    base_url, endpoint, self._headers, network.message_bytes_max, self._on_ended
                )
                await loop.create_connection(
                    lambda: cast("asyncio.Protocol", connection),
                    address,
                    port,
                    ssl=network.tls.context if endpoint.secure else None,
                    server_hostname=(
                        network.tls.name_for(endpoint.host) if endpoint.secure else None
                    ),
                )
        except (OSError, HostRefused) as error:  # includes TimeoutError
            failure = TransportError(str(error) or type(error).__name__)
            failure.__cause__ = error
            on_outcome(failure)
            return
        self._send(connection, request, until_s, on_outcome)

    def _send(
        self,
        connection: "_HttpConnection",
        request: Request,
        until_s: float,
        on_outcome: OnOutcome,
    ) -> None:
        self._busy.add(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_INTERVAL_S, self._sweep)
        connection.send(request, until_s, on_outcome)

    def _on_ended(self, connection: "_HttpConnection") -> None:
        """Keep a connection whose request has ended for the next one."""
        self._busy.discard(connection)
        if connection.reusable:
            self._idle.setdefault(connection.base_url, []).append(connection)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._sweeping = None
        for connection in [busy for busy in self._busy if busy.until_s <= now_s]:
            connection.fail("TimeoutError")  # its callback may send, which schedules a sweep
        if self._busy and self._sweeping is None:
            self._sweeping = loop.call_later(_SWEEP_INTERVAL_S, self._sweep)


def redirected(base_url: str, request: Request, status: int, location: str) -> Request:
    """Return the request that follows a redirect; secrets are not passed on to another host."""
    old_url = urljoin(base_url, request.path)
    url = urljoin(old_url, location)
    if urlsplit(url).netloc != urlsplit(old_url).netloc:
        kept = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _SECRET_HEADERS
        }
        request = msgspec.structs.replace(request, token="", headers=kept)
    if status not in _SAME_REQUEST and request.method != "HEAD":
        request = msgspec.structs.replace(request, method="GET", body=b"")
    return msgspec.structs.replace(request, path=url)


def _absolute(request: Request) -> tuple[str, Request]:
    """Split a request for a complete address into the base address and the request for a path."""
    parts = urlsplit(request.path)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    base_url = f"{parts.scheme}://{parts.netloc}"
    return base_url, msgspec.structs.replace(request, path=path)


class _HttpConnection:
    """One connection with one request at a time; httptools calls the `on_…` methods.

    It has the methods of `asyncio.Protocol`, but not this base: with it, the attributes of a
    compiled connection would be as slow as those of a class in Python.
    """

    def __init__(
        self,
        base_url: str,
        endpoint: Endpoint,
        target_headers: str,
        body_bytes_max: int,
        on_ended: Callable[["_HttpConnection"], None],
    ) -> None:
        self.base_url = base_url
        self.reusable = True
        self.used_at_s = 0.0
        self.until_s = 0.0
        self._on_ended = on_ended
        self._authority = endpoint.authority
        self._target_headers = target_headers
        self._body_bytes_max = body_bytes_max
        self._transport: asyncio.Transport | None = None
        self._on_outcome: OnOutcome | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body = bytearray()
        self._retry_after_s = 0.0
        self._head = bytearray()
        self._complete = False
        self._head_complete = False
        self._interim = 0
        self._received_bytes = 0  # of the response, as they came

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: Request, until_s: float, on_outcome: OnOutcome) -> None:
        """Send a request; `on_outcome` is called once, unless `forget` is called before."""
        self.until_s = until_s
        self._on_outcome = on_outcome
        if self._transport is None or self._transport.is_closing():
            self.fail("closed before the request")
        else:
            self._transport.write(encode(request, self._authority, self._target_headers))

    def fail(self, reason: str) -> None:
        """Close the connection; an open request fails."""
        self._body = bytearray()  # what came of it may be megabytes, and nothing reads it any more
        self._close()
        self._end(TransportError(reason))

    def forget(self) -> None:
        """Close the connection without calling `on_outcome`."""
        self._on_outcome = None
        self._close()

    def _close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _end(self, outcome: Response | TransportError) -> None:
        on_outcome, self._on_outcome = self._on_outcome, None
        if on_outcome is not None:
            if not self.reusable:
                self._close()
            # Free this connection first, because the callback may send the next request.
            self._on_ended(self)
            on_outcome(outcome)

    def data_received(self, data: bytes) -> None:
        if self._on_outcome is None:
            self._close()  # data without a request
        elif self._parser is None and (response := plain_success(data)) is not None:
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
        self._received_bytes += len(data)
        if self._interim > INTERIM_MAX:
            self.fail(f"more than {INTERIM_MAX} interim responses")
        elif self._too_large:
            self.fail(f"a response of more than {self._body_bytes_max} bytes")
        elif self._complete:
            self._finish(self._parser)

    def _finish(self, parser: httptools.HttpResponseParser) -> None:
        self.used_at_s = asyncio.get_running_loop().time()
        status = parser.get_status_code()
        response = Response(status, bytes(self._body), self._retry_after_s, bytes(self._head))
        self._parser, self._body, self._head = None, bytearray(), bytearray()
        self._complete, self._retry_after_s = False, 0.0
        self._head_complete, self._interim, self._received_bytes = False, 0, 0
        self._end(response)

    def eof_received(self) -> None:
        """Let the transport close itself."""

    def pause_writing(self) -> None:
        """Do nothing: a request is one write, and the next one follows its response."""

    def resume_writing(self) -> None:
        """Do nothing, see `pause_writing`."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(str(exc or "closed by the server"))

    @property
    def _too_large(self) -> bool:
        """Whether the response is beyond a limit, also by what the parser holds back.

        It holds a header that does not end; the framing of chunks may double the size of a body.
        """
        head_bytes = len(self._head) if self._head_complete else self._received_bytes
        received_max = 2 * self._body_bytes_max + HEAD_BYTES_MAX
        return (
            len(self._body) > self._body_bytes_max
            or head_bytes > HEAD_BYTES_MAX
            or self._received_bytes > received_max
        )

    def on_headers_complete(self) -> None:
        self._head_complete = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += name + b": " + value + b"\r\n"
        if name.lower() == b"retry-after" and value.isdigit():
            self._retry_after_s = min(float(value), RETRY_AFTER_S_MAX)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if self._parser.get_status_code() < 200:  # only announces the response
            self._interim += 1
            self._head_complete = False
            self._head.clear()
            return
        # After a second response it would be unclear to which request the next one belongs.
        unexpected = self._complete
        self._complete = True
        keep_alive = bool(self._parser.should_keep_alive())
        self.reusable = self.reusable and not unexpected and keep_alive
