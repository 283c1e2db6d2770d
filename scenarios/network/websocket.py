"""The transport `websocket`.

These sockets and those of the other modules of this package are the only client sockets. They run
on uvloop in a native thread beside gevent; therefore they connect to numeric addresses, and use
nothing that gevent's monkey-patching replaces.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urljoin

import picows

from gauntlet.scenarios.adapters.base import Binary, Response
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.bound_socket import connect_from
from gauntlet.scenarios.network.hosts import Endpoint, endpoint_of
from gauntlet.scenarios.network.wire import (
    CLOSE_ABNORMAL,
    CLOSE_NO_STATUS,
    CLOSE_NORMAL,
    DIAL_TIMEOUT_S,
    MESSAGE_BYTES_MAX,
    REDIRECTS_MAX,
    UNREAD_BYTES_MAX,
    Listener,
    Network,
    TransportError,
    close_text,
)

_LOG = logging.getLogger("picows")
_CLOSE_TOO_BIG = 1009
_TEXT = picows.WSMsgType.TEXT
_BINARY = picows.WSMsgType.BINARY
_SHOWN_BYTES = 200


class WebSocket(picows.WSListener):
    """One WebSocket connection; passes on whole messages, and the close code once at the end."""

    __slots__ = (
        "_close_code",
        "_close_reason",
        "_fragments",
        "_is_binary",
        "_message_bytes_max",
        "_on_closed",
        "_on_frame",
        "_retrieving",
        "_transport",
    )

    def __init__(
        self,
        on_frame: Callable[[bytes], None],
        on_closed: Callable[[int, str], None],
        message_bytes_max: int = MESSAGE_BYTES_MAX,
    ) -> None:
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._message_bytes_max = message_bytes_max
        self._transport: picows.WSTransport | None = None
        self._fragments = bytearray()
        self._is_binary = False
        self._close_code, self._close_reason = CLOSE_ABNORMAL, ""
        self._retrieving: asyncio.Task[None] | None = None  # keeps the task alive

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def forget_handshake(self) -> None:
        """Drop the headers of the handshake: a sixth of the memory of an idle connection."""
        if self._transport is not None:
            for part in (self._transport.request, self._transport.response):
                part.headers.clear()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type  # read once: picows creates the enumeration member at every access
        if kind is _TEXT and frame.fin:  # nearly every frame
            self._on_frame(frame.get_payload_as_bytes())
        elif kind is _BINARY and frame.fin:
            self._on_frame(Binary(frame.get_payload_as_bytes()))
        elif kind is picows.WSMsgType.CLOSE:
            # Decoded here, because picows knows only the codes of the RFC and not a server's own.
            payload = frame.get_payload_as_bytes()
            self._close_code = int.from_bytes(payload[:2]) or CLOSE_NO_STATUS
            self._close_reason = payload[2:].decode(errors="replace")
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif kind in (_TEXT, _BINARY, picows.WSMsgType.CONTINUATION):
            self._on_fragment(kind, frame)
        elif kind is picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self._check_unread(transport)

    def _check_unread(self, transport: picows.WSTransport) -> None:
        """End a connection whose server does not read, before answers to it fill the memory."""
        if transport.underlying_transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self._close_reason = f"the server has not read {UNREAD_BYTES_MAX} bytes"
            self.abort()

    def _on_fragment(self, kind: picows.WSMsgType, frame: picows.WSFrame) -> None:
        if kind is not picows.WSMsgType.CONTINUATION:
            self._is_binary = kind is _BINARY
            self._fragments.clear()
        self._fragments += frame.get_payload_as_memoryview()
        if len(self._fragments) > self._message_bytes_max:
            self._close_code = _CLOSE_TOO_BIG
            self._close_reason = f"a message of more than {self._message_bytes_max} bytes"
            self._fragments.clear()
            self.abort()
        elif frame.fin:
            whole = Binary(self._fragments) if self._is_binary else bytes(self._fragments)
            self._fragments.clear()
            self._on_frame(whole)

    def on_invalid_frame(self, reason: str) -> None:
        """Drop the connection, which picows would go on reading for a while."""
        if self._transport is not None:
            self._close_reason = reason
            self._retrieving = asyncio.get_running_loop().create_task(_retrieve(self._transport))
            self.abort()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._transport = None
        self._on_closed(self._close_code, self._close_reason)

    @property
    def end_text(self) -> str:
        """How the connection has ended, in words."""
        return close_text(self._close_code, self._close_reason)

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent: after the handshake and before the end."""
        return self._transport is not None

    def send(self, frame: bytes) -> None:
        """Send a message: binary if the frame is `Binary`, otherwise text."""
        if self._transport is not None:
            self._transport.send(_BINARY if type(frame) is Binary else _TEXT, frame)
            self._check_unread(self._transport)

    def read(self, *, on: bool) -> None:
        """Pause or resume reading; while paused, the buffers of both systems fill up."""
        if self._transport is not None:
            underlying = self._transport.underlying_transport
            (underlying.resume_reading if on else underlying.pause_reading)()

    def close(self) -> None:
        """Close with code 1000, which is then also passed to `on_closed`."""
        if self._transport is not None:
            self._close_code = CLOSE_NORMAL
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()

    def abort(self) -> None:
        """Drop the connection without a close frame."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


class _FrameErrors(logging.LoggerAdapter[logging.Logger]):
    """The log of a connection: picows reports invalid frames nowhere else before it has ended."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__(_LOG)
        self._socket = socket

    def log(self, level: int, msg: object, *args: object, **_: Any) -> None:
        if level >= logging.ERROR:
            details = args[0] if args else msg
            self._socket.on_invalid_frame(str(details[-1] if type(details) is tuple else details))


async def _retrieve(transport: picows.WSTransport) -> None:
    """Retrieve the exception of a connection that has ended, which asyncio would log otherwise."""
    with contextlib.suppress(Exception):
        await transport.wait_disconnected()


async def dial(network: Network, dial: Dial, listener: Listener) -> tuple[WebSocket, Response]:
    """Open a WebSocket; return it with the response to the handshake.

    TransportError if the connection cannot be established; HostRefused where the URL or a redirect
    leads to a host that is not allowed.
    """
    url = dial.url
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            for _ in range(REDIRECTS_MAX + 1):
                try:
                    return await _handshake(network, url, dial, listener)
                except picows.WSHandshakeError as error:
                    location = _location(error)
                    if location is None:
                        raise TransportError(_refusal_text(error)) from error
                    url = urljoin(url, location)
    except (OSError, picows.WSError) as error:
        raise TransportError(str(error) or type(error).__name__) from error
    except ValueError as error:  # a redirect or a header that cannot be read
        raise TransportError(f"the answer to the handshake is invalid: {error}") from error
    raise TransportError(f"more than {REDIRECTS_MAX} redirects")


async def _handshake(
    network: Network, url: str, dial: Dial, listener: Listener
) -> tuple[WebSocket, Response]:
    endpoint = endpoint_of(url)
    address, port = await network.hosts.locate(endpoint)
    host = f"[{address}]" if ":" in address else address
    scheme = "wss" if endpoint.secure else "ws"
    source = network.sources.next(address) if network.sources is not None else None
    socket = WebSocket(listener.on_frame, listener.on_closed, network.message_bytes_max)
    answered: list[picows.WSUpgradeResponse] = []

    def on_upgrade(_: picows.WSUpgradeRequest, response: picows.WSUpgradeResponse) -> WebSocket:
        answered.append(response)
        return socket

    tls: dict[str, Any] = {}
    if endpoint.secure:
        tls["server_hostname"] = network.tls.name_for(endpoint.host)
    await picows.ws_connect(
        on_upgrade,
        f"{scheme}://{host}:{port}{endpoint.resource}",
        ssl_context=network.tls.context if endpoint.secure else None,
        extra_headers=_headers(network, dial, endpoint),
        websocket_handshake_timeout=DIAL_TIMEOUT_S,
        max_frame_size=network.message_bytes_max,
        read_buffer_init_size=1024,  # 16 KiB would be most of a connection's memory; it can grow
        max_redirects=0,
        logger_name=_FrameErrors(socket),
        enable_auto_pong=False,  # which would answer a server that does not read
        socket_factory=None if source is None else _bound_to(source, address, port),
        use_aiofastnet=False,  # it would use the standard sockets, which gevent has patched
        **tls,
    )
    # picows reports no error when the server closes the connection during the handshake.
    if not socket.is_open:
        raise TransportError(f"{socket.end_text} right after the handshake")
    response = answered[0]
    if extensions := response.headers.get("Sec-WebSocket-Extensions"):
        socket.abort()
        raise TransportError(f"the server uses extensions that were not offered: {extensions}")
    head = "\r\n".join(f"{name}: {value}" for name, value in response.headers.items())
    socket.forget_handshake()
    return socket, Response(int(response.status), b"", head=head.encode("latin-1", "replace"))


def _headers(network: Network, dial: Dial, endpoint: Endpoint) -> Mapping[str, str]:
    headers = {"Host": endpoint.authority, **network.headers, **dial.headers}
    if dial.subprotocols:  # an empty header is an error for many servers
        headers["Sec-WebSocket-Protocol"] = ", ".join(dial.subprotocols)
    return headers


def _location(error: picows.WSHandshakeError) -> str | None:
    """Return where a redirect leads; None for any other response."""
    response = error.response
    if response is None or not 300 <= int(response.status) < 400:
        return None
    location: str | None = response.headers.get("Location")
    return location


def _refusal_text(error: picows.WSHandshakeError) -> str:
    """Return the status and the beginning of the body of a server that did not upgrade."""
    if error.response is None:
        return str(error)
    body = (error.raw_body or b"")[:_SHOWN_BYTES].decode(errors="replace")
    return f"HTTP {int(error.response.status)} {body}".strip()


def _bound_to(source: str, address: str, port: int) -> Callable[[Any], Awaitable[Any]]:
    """Return a socket factory for picows that dials from a source address.

    It is a coroutine function because picows accepts a socket of any class only from one.
    """

    async def connect(_: Any) -> Any:
        return await connect_from(source, address, port)

    return connect
