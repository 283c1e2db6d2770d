"""Client WebSockets, and the gate: to allowed hosts, and to no others.

They and `http_client` are the only client sockets. They run on uvloop in a native thread
beside gevent, hence: connect by numeric address, and use nothing that gevent's monkey-patching
replaces.
"""

import _socket
import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlsplit

import picows

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.network.source_addresses import SourceAddresses

_SCHEMES = ("http", "ws")
_HANDSHAKE_S = 5.0
_ABNORMAL = 1006
_TEXT = picows.WSMsgType.TEXT
_IP_BIND_ADDRESS_NO_PORT = 24  # of <linux/in.h>; Python 3.11's socket module has no name for it


class TransportError(Exception):
    """No answer: refused, reset, or too late. What was sent may have arrived."""


class AllowedHosts:
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


class WebSocket(picows.WSListener):
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
        kind = frame.msg_type  # an enumeration's member is made each time that it is asked for
        if kind is _TEXT and frame.fin and not self._parts:  # as nearly all are
            self._on_frame(frame.get_payload_as_bytes())
        elif kind is picows.WSMsgType.CLOSE:
            # Read here: picows knows the codes of the RFC by name, not a server's own.
            self._code = int.from_bytes(frame.get_payload_as_bytes()[:2]) or _ABNORMAL
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif kind in (_TEXT, picows.WSMsgType.CONTINUATION):
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
            self._transport.send(_TEXT, frame)

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


def host_of(url: str) -> str:
    """The host of an address that load can go to; ConfigError where it is none."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None:
        raise ConfigError(f"{url!r} is not an address such as http://127.0.0.1:8080")
    if parts.scheme not in _SCHEMES:
        raise ConfigError(f"{url!r}: only {' and '.join(_SCHEMES)} are spoken; end TLS before it")
    return host


async def dial(
    gate: AllowedHosts,
    url: str,
    subprotocol: str,
    socket: WebSocket,
    sources: SourceAddresses | None = None,
) -> None:
    """Open a WebSocket for `socket`; TransportError where it does not come up."""
    address = await gate.resolve(host_of(url))
    parts = urlsplit(url)
    host = f"[{address}]" if ":" in address else address
    port = parts.port or 80
    numeric = parts._replace(netloc=f"{host}:{port}").geturl()
    source = sources.next(address) if sources is not None else None
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            await picows.ws_connect(
                lambda: socket,
                numeric,
                extra_headers={"Host": parts.netloc, "Sec-WebSocket-Protocol": subprotocol},
                websocket_handshake_timeout=_HANDSHAKE_S,
                read_buffer_init_size=2048,  # 16 KiB would be most of a connection's memory
                max_redirects=0,
                socket_factory=None if source is None else _dialled_from(source, address, port),
                use_aiofastnet=False,  # uvloop's own sockets: the standard ones are gevent's here
            )
    except (OSError, picows.WSError) as error:
        raise TransportError(str(error) or type(error).__name__) from error
    if not socket.is_open:  # picows reports no error when the server hangs up in mid-handshake
        raise TransportError("closed during the handshake")


def _dialled_from(source: str, address: str, port: int) -> Callable[[Any], Awaitable[Any]]:
    """Makes a connected socket, as picows wants it: a coroutine's result may be of any class."""

    async def connect(_: Any) -> Any:
        # The C class: `socket.socket` is gevent's in a Locust worker.
        made = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            # Else bind would take a port for itself alone, of all destinations, before connect
            # knows which one it is for: the ports of one address would be all there are again.
            made.setsockopt(_socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            made.bind((source, 0))
            await asyncio.get_running_loop().sock_connect(cast(Any, made), (address, port))
        except BaseException:
            made.close()
            raise
        return made

    return connect
