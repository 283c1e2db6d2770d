"""Client WebSockets, and the list of hosts to which clients may connect.

These sockets and those of `http_client` are the only client sockets. They run on uvloop in a
native thread beside gevent; therefore they connect to numeric addresses, and use nothing that
gevent's monkey-patching replaces.
"""

import _socket
import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import picows

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.network.source_addresses import SourceAddresses

_SCHEMES = ("http", "ws")
_HANDSHAKE_TIMEOUT_S = 5.0
_CLOSE_NORMAL = 1000
_CLOSE_ABNORMAL = 1006
_TEXT = picows.WSMsgType.TEXT
_IP_BIND_ADDRESS_NO_PORT = 24  # from <linux/in.h>; missing from the socket module of Python 3.11


class TransportError(Exception):
    """There is no answer: refused, reset, or too late. What was sent may have arrived."""


class AllowedHosts:
    """Resolves hosts, and rejects all but loopback and those that the scenario allows by name.

    `dial` maps `host:port` to the `host:port` that is dialled in its place, where a fault proxy
    stands in front of the target. URLs, headers and TLS names stay those of the target. `direct`
    collects what was dialled without a proxy although there are proxies.
    """

    def __init__(self, allow_hosts: list[str], dial: Mapping[str, str] | None = None) -> None:
        self._allowed = frozenset(allow_hosts)
        self._dial = dict(dial or {})
        self._resolved: dict[str, str] = {}
        self.direct: set[str] = set()

    async def locate(self, host: str, port: int) -> tuple[str, int]:
        """Return the numeric address and the port to dial; ConfigError if it is not allowed."""
        address = await self.resolve(host)
        if self._dial:
            instead = self._dial.get(f"{host}:{port}")
            if instead is not None:
                proxy, _, proxy_port = instead.rpartition(":")
                return proxy, int(proxy_port)
            self.direct.add(f"{host}:{port}")
        return address, port

    async def resolve(self, host: str) -> str:
        """Return the numeric address of a host; ConfigError if it is not allowed."""
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
        # The resolved address decides, because a name may point anywhere.
        if host not in self._allowed and not ipaddress.ip_address(address).is_loopback:
            msg = f"{host!r} ({address}) is not on loopback; add it to target.allow_hosts"
            raise ConfigError(msg)
        return address


class WebSocket(picows.WSListener):
    """One WebSocket connection; passes on whole text frames, and the close code once at the end."""

    def __init__(self, on_frame: Callable[[bytes], None], on_closed: Callable[[int], None]) -> None:
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._transport: picows.WSTransport | None = None
        self._fragments = b""
        self._close_code = _CLOSE_ABNORMAL

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type  # read once: picows creates the enumeration member at every access
        if kind is _TEXT and frame.fin and not self._fragments:  # nearly every frame
            self._on_frame(frame.get_payload_as_bytes())
        elif kind is picows.WSMsgType.CLOSE:
            # Decoded here, because picows knows only the codes of the RFC and not a server's own.
            code = int.from_bytes(frame.get_payload_as_bytes()[:2])
            self._close_code = code or _CLOSE_ABNORMAL
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif kind in (_TEXT, picows.WSMsgType.CONTINUATION):
            self._fragments += frame.get_payload_as_bytes()
            if frame.fin:
                whole, self._fragments = self._fragments, b""
                self._on_frame(whole)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._transport = None
        self._on_closed(self._close_code)

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent: after the handshake and before the end."""
        return self._transport is not None

    def send(self, frame: bytes) -> None:
        """Send a text frame; does nothing on a connection that has ended."""
        if self._transport is not None:
            self._transport.send(_TEXT, frame)

    def read(self, *, on: bool) -> None:
        """Pause or resume reading; while paused, the buffers of both systems fill up."""
        if self._transport is not None:
            underlying = self._transport.underlying_transport
            (underlying.resume_reading if on else underlying.pause_reading)()

    def close(self) -> None:
        """Close with code 1000, which is then also passed to `on_closed`."""
        if self._transport is not None:
            self._close_code = _CLOSE_NORMAL
            self._transport.send_close(picows.WSCloseCode.OK)
            self._transport.disconnect()

    def abort(self) -> None:
        """Drop the connection without a close frame."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


def host_of(url: str) -> str:
    """Return the host of an address that a load can use; ConfigError for any other address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None:
        raise ConfigError(f"{url!r} is not an address such as http://127.0.0.1:8080")
    if parts.scheme not in _SCHEMES:
        allowed = " and ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise ConfigError(
            f"{url!r}: only {allowed} are supported; "
            "for a system behind TLS, use the address behind the TLS termination"
        )
    return host


async def dial(
    allowed_hosts: AllowedHosts,
    url: str,
    subprotocol: str,
    socket: WebSocket,
    sources: SourceAddresses | None = None,
) -> None:
    """Open a WebSocket for `socket`; TransportError if the connection cannot be established."""
    host, parts = host_of(url), urlsplit(url)
    address, port = await allowed_hosts.locate(host, parts.port or 80)
    host = f"[{address}]" if ":" in address else address
    numeric_url = parts._replace(netloc=f"{host}:{port}").geturl()
    source = sources.next(address) if sources is not None else None
    try:
        async with asyncio.timeout(_HANDSHAKE_TIMEOUT_S):
            await picows.ws_connect(
                lambda: socket,
                numeric_url,
                extra_headers={"Host": parts.netloc, "Sec-WebSocket-Protocol": subprotocol},
                websocket_handshake_timeout=_HANDSHAKE_TIMEOUT_S,
                read_buffer_init_size=2048,  # 16 KiB would be most of a connection's memory
                max_redirects=0,
                socket_factory=None if source is None else _bound_to(source, address, port),
                use_aiofastnet=False,  # it would use the standard sockets, which gevent has patched
            )
    except (OSError, picows.WSError) as error:
        raise TransportError(str(error) or type(error).__name__) from error
    # picows reports no error when the server closes the connection during the handshake.
    if not socket.is_open:
        raise TransportError("closed during the handshake")


def _bound_to(source: str, address: str, port: int) -> Callable[[Any], Awaitable[Any]]:
    """Return a socket factory for picows that dials from a source address.

    It is a coroutine function because picows accepts a socket of any class only from one.
    """

    async def connect(_: Any) -> Any:
        # The C class, because `socket.socket` is gevent's in a Locust worker.
        connected = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        try:
            connected.setblocking(False)
            # Without this option bind would reserve a port for all destinations, since it cannot
            # know which one follows, and the ports of one address would limit the load again.
            connected.setsockopt(_socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            connected.bind((source, 0))
            await asyncio.get_running_loop().sock_connect(cast(Any, connected), (address, port))
        except BaseException:
            connected.close()
            raise
        return connected

    return connect
