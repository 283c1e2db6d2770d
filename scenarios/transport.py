"""The only client sockets: keep-alive HTTP/1.1 and WebSockets, to allowed hosts and to no others.

Runs on uvloop in a native thread beside gevent, hence: connects by numeric address, and uses
nothing that gevent's monkey-patching replaces.
"""

import asyncio
import ipaddress
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools
import picows

from gauntlet.kernel.errors import ConfigError
from scenarios.adapters.base import Request, Response

_IDLE_S = 3.0  # a server's keep-alive time-out is longer, so a reused connection is a live one
_HANDSHAKE_S = 5.0
_ABNORMAL = 1006


class TransportError(Exception):
    """No answer: refused, reset, or too late. What was sent may have arrived."""


class Gate:
    """Lets traffic go to loopback, and to the hosts that the scenario allows by name."""

    def __init__(self, allow_hosts: list[str]) -> None:
        self._allowed = frozenset(allow_hosts)
        self._resolved: dict[str, str] = {}

    async def resolve(self, host: str) -> str:
        """The numeric address of a host; ConfigError where it may not be reached."""
        if host not in self._resolved:
            self._resolved[host] = await self._look_up(host)
        return self._resolved[host]

    async def _look_up(self, host: str) -> str:
        try:
            address = str(ipaddress.ip_address(host))
        except ValueError:
            try:
                found = await asyncio.get_running_loop().getaddrinfo(host, 0)
            except OSError as error:
                raise ConfigError(f"{host!r} cannot be resolved: {error}") from error
            address = str(found[0][4][0])
        # The resolved address decides: a name may point anywhere.
        if host not in self._allowed and not ipaddress.ip_address(address).is_loopback:
            msg = f"{host!r} ({address}) is not on loopback; name it in target.allow_hosts first"
            raise ConfigError(msg)
        return address


class Http:
    """A client of any number of servers, one request at a time on a connection."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._idle: dict[str, list[_HttpConnection]] = {}

    async def request(self, base_url: str, request: Request, timeout_s: float) -> Response:
        """The answer; TransportError where there is none within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                connection = self._reuse(base_url) or await self._connect(base_url)
                try:
                    response = await connection.exchange(_encode(request, connection.authority))
                except BaseException:
                    connection.abort()
                    raise
        except OSError as error:  # TimeoutError is one too
            raise TransportError(str(error) or type(error).__name__) from error
        if connection.reusable:
            self._idle.setdefault(base_url, []).append(connection)
        else:
            connection.abort()
        return response

    def close(self) -> None:
        """Close every idle connection."""
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()

    def _reuse(self, base_url: str) -> "_HttpConnection | None":
        oldest = asyncio.get_running_loop().time() - _IDLE_S
        connections = self._idle.get(base_url, [])
        while connections:
            connection = connections.pop()
            if connection.reusable and connection.used_at_s >= oldest:
                return connection
            connection.abort()
        return None

    async def _connect(self, base_url: str) -> "_HttpConnection":
        url = urlsplit(base_url)
        address = await self._gate.resolve(url.hostname or "")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: _HttpConnection(url.netloc, loop), address, url.port or 80
        )
        return connection


def _encode(request: Request, authority: str) -> bytes:
    token = f"Authorization: Bearer {request.token}\r\n" if request.token else ""
    kind = "Content-Type: application/json\r\n" if request.body else ""
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nHost: {authority}\r\n{token}{kind}"
        f"Content-Length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


class _HttpConnection(asyncio.Protocol):
    """One connection; httptools calls the `on_…` methods while it parses."""

    def __init__(self, authority: str, loop: asyncio.AbstractEventLoop) -> None:
        self.authority = authority
        self.reusable = True
        self.used_at_s = 0.0
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._retry_after_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def exchange(self, data: bytes) -> "asyncio.Future[Response]":
        """Send a request; the future is its answer."""
        self._begin()
        self._answer = self._loop.create_future()
        if self._transport is None or self._transport.is_closing():
            self._answer.set_exception(ConnectionResetError("closed before the request"))
        else:
            self._transport.write(data)
        return self._answer

    def abort(self) -> None:
        """Close at once; whatever is under way gets no answer."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionResetError(f"not HTTP: {error}"))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self._fail(ConnectionResetError(str(exc or "closed by the server")))

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after" and value.isdigit():
            self._retry_after_s = float(value)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.reusable = self.reusable and bool(self._parser.should_keep_alive())
        self.used_at_s = self._loop.time()
        if self._answer is not None and not self._answer.done():
            status = self._parser.get_status_code()
            self._answer.set_result(Response(status, bytes(self._body), self._retry_after_s))

    def _fail(self, error: OSError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


class Socket(picows.WSListener):
    """One WebSocket connection; tells of whole text frames, and once of its end."""

    def __init__(self, on_frame: Callable[[bytes], None], on_closed: Callable[[int], None]) -> None:
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._transport: picows.WSTransport | None = None
        self._parts = b""
        self._code = _ABNORMAL

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            # Read here: picows knows the codes of the RFC by name, not a server's own.
            self._code = int.from_bytes(frame.get_payload_as_bytes()[:2]) or _ABNORMAL
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type in (picows.WSMsgType.TEXT, picows.WSMsgType.CONTINUATION):
            self._parts += frame.get_payload_as_bytes()
            if frame.fin:
                whole, self._parts = self._parts, b""
                self._on_frame(whole)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._transport = None
        self._on_closed(self._code)

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent: the handshake is done, and the end not yet come."""
        return self._transport is not None

    def send(self, frame: bytes) -> None:
        """Send a text frame; nothing happens on a connection that has ended."""
        if self._transport is not None:
            self._transport.send(picows.WSMsgType.TEXT, frame)

    def read(self, *, on: bool) -> None:
        """Stop or go on reading: what the server sends fills the system's buffers, then its own."""
        if self._transport is not None:
            underlying = self._transport.underlying_transport
            (underlying.resume_reading if on else underlying.pause_reading)()

    def close(self) -> None:
        """Say goodbye (1000) and close: the end that `on_closed` tells of is ours."""
        if self._transport is not None:
            self._code = 1000
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()

    def abort(self) -> None:
        """Drop a connection that answers nothing any more."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


async def dial(gate: Gate, url: str, subprotocol: str, socket: Socket) -> None:
    """Open a WebSocket for `socket`; TransportError where it does not come up."""
    parts = urlsplit(url)
    address = await gate.resolve(parts.hostname or "")
    host = f"[{address}]" if ":" in address else address
    numeric = parts._replace(netloc=f"{host}:{parts.port or 80}").geturl()
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            await picows.ws_connect(
                lambda: socket,
                numeric,
                extra_headers={"Host": parts.netloc, "Sec-WebSocket-Protocol": subprotocol},
                websocket_handshake_timeout=_HANDSHAKE_S,
                read_buffer_init_size=2048,  # 16 KiB would be most of a connection's memory
                max_redirects=0,
                use_aiofastnet=False,  # uvloop's own sockets: the standard ones are gevent's here
            )
    except (OSError, picows.WSError) as error:
        raise TransportError(str(error) or type(error).__name__) from error
    if not socket.is_open:  # picows reports no error when the server hangs up in mid-handshake
        raise TransportError("closed during the handshake")
