"""Exchanges bytes over a link until the server ends the connection, and measures what arrives.

The first byte of an answer, which `link_probe` waits for, does not show a fault that limits a rate,
cuts an answer short, or delays the end of a connection.
"""

import socket
import struct
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

from gauntlet.chaos.clients import link_probe

End = Literal["open", "closed", "reset", "refused", "failed"]

_PARALLEL_MAX = 40
_READ_BYTES = 65_536


class Exchange(NamedTuple):
    """What a client saw: the bytes, and when they arrived, in milliseconds from the request.

    `ended` is `open` if the connection was still open when the client stopped waiting. `refused`
    and `failed` mean that there was no connection.
    """

    sent: int
    received: int = 0
    first_ms: float | None = None
    last_ms: float | None = None
    ended: End = "open"
    ended_ms: float | None = None

    @property
    def silent(self) -> bool:
        """Whether the connection stayed open and nothing arrived."""
        return self.ended == "open" and self.received == 0 and self.sent > 0

    @property
    def cut(self) -> bool:
        """Whether the connection was established, and ended."""
        return self.ended in ("closed", "reset")

    def as_evidence(self) -> dict[str, Any]:
        """Return the exchange as plain data for a proof."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in self._asdict().items()
            if value is not None
        }


class Wanted(NamedTuple):
    """One exchange to make: the kind and the `host:port` of the link, and repeated requests.

    With `closing` false the request is one after which the server leaves the connection open, and
    the exchange is over when an answer begins.
    """

    kind: str
    address: str
    repeat: int = 1
    closing: bool = True


_KEEP_ALIVE = link_probe.REQUESTS["http"].replace(b"Connection: close\r\n", b"")
# A request that is answered and may be repeated, and one after which the server closes.
_REQUESTS: dict[str, tuple[bytes, bytes]] = {
    "http": (_KEEP_ALIVE, link_probe.REQUESTS["http"]),
    "ws": (_KEEP_ALIVE, link_probe.REQUESTS["ws"]),
    "redis": (b"PING\r\n", b"PING\r\nQUIT\r\n"),
    "nats": (b"PING\r\n", b"PING\r\nBYE\r\n"),  # an unknown operation
    "mqtt": (b"", link_probe.REQUESTS["mqtt"] + b"\xe0\x00"),  # DISCONNECT
    # AMQP 0-9-1, 2.2.4: a server answers a version that it does not know with its own, and closes.
    "amqp": (b"", b"AMQP\x00\x00\x00\x00"),
    # SSLRequest, then CancelRequest for a process that does not exist, after which it closes.
    "postgres": (b"", link_probe.REQUESTS["postgres"] + struct.pack("!IIII", 16, 80877102, 0, 0)),
}
_TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure: the server closes


def request_of(kind: str, repeat: int = 1) -> bytes:
    """Return the bytes of an exchange: `repeat` requests, if the protocol can repeat them."""
    protocol, _, name = kind.partition(" ")
    if protocol in ("https", "wss"):
        return link_probe.request_of(kind) + _TLS_ALERT
    repeated, last = _REQUESTS.get(protocol, (b"", link_probe.request_of(protocol)))
    request = repeated * (repeat - 1) + last
    return request.replace(b"Host: probe", f"Host: {name}".encode()) if name else request


def greeting_of(kind: str) -> bytes:
    """Return bytes that the server answers without closing the connection, if the protocol can."""
    protocol, _, name = kind.partition(" ")
    repeated, _ = _REQUESTS.get(protocol, (b"", b""))
    request = repeated or link_probe.request_of(kind)
    return request.replace(b"Host: probe", f"Host: {name}".encode()) if name else request


def exchange(wanted: Wanted, timeout_s: float) -> Exchange:
    """Send the requests, and read until the server ends the connection or time is up."""
    request = request_of(wanted.kind, wanted.repeat) if wanted.closing else greeting_of(wanted.kind)
    host, _, port = wanted.address.rpartition(":")
    deadline = time.monotonic() + timeout_s
    try:
        connection = socket.create_connection((host, int(port)), timeout=timeout_s)
    except ConnectionRefusedError:
        return Exchange(0, ended="refused")
    except OSError:
        return Exchange(0, ended="failed")
    with connection:
        return _talk(connection, request, deadline, to_end=wanted.closing)


def exchange_all(wanted: Mapping[Any, Wanted], timeout_s: float) -> dict[Any, Exchange]:
    """Make exchanges concurrently; return the results by the same keys."""
    if not wanted:
        return {}
    with ThreadPoolExecutor(min(len(wanted), _PARALLEL_MAX)) as pool:
        results = pool.map(lambda each: exchange(each, timeout_s), wanted.values())
        return dict(zip(wanted, results, strict=True))


def _talk(connection: socket.socket, request: bytes, deadline: float, *, to_end: bool) -> Exchange:
    began = time.monotonic()

    def since_ms() -> float:
        return (time.monotonic() - began) * 1000

    received = 0
    first_ms: float | None = None
    last_ms: float | None = None
    ended: End = "open"
    try:
        connection.sendall(request)
        while (left_s := deadline - time.monotonic()) > 0:
            connection.settimeout(left_s)
            data = connection.recv(_READ_BYTES)
            if not data:
                ended = "closed"
                break
            last_ms = since_ms()
            first_ms = last_ms if first_ms is None else first_ms
            received += len(data)
            if not to_end:
                break
    except TimeoutError:
        pass
    except OSError:
        ended = "reset"
    ended_ms = None if ended == "open" else since_ms()
    return Exchange(len(request), received, first_ms, last_ms, ended, ended_ms)
