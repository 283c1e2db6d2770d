"""Exchanges bytes over a link until the server ends the connection, and measures what arrives.

The first byte of an answer, which `link_probe` waits for, does not show a fault that limits a rate,
cuts an answer short, or delays the end of a connection.
"""

import socket
import struct
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

from gauntlet.chaos.clients import link_probe

End = Literal["open", "answered", "closed", "reset", "refused", "failed"]

_PARALLEL_MAX = 40
_READ_BYTES = 65_536
_SLICE_S = 0.05  # between two looks at whether an exchange has to end early


class Exchange(NamedTuple):
    """What a client saw: the bytes, and when they arrived, in milliseconds from the request.

    `ended` is `open` if the connection was still open when the client stopped waiting, and
    `answered` if it was and the answer was complete. `refused` and `failed` mean that there was no
    connection. `stopped_ms` says how long the client had waited if it had to stop before its time.
    """

    sent: int
    received: int = 0
    first_ms: float | None = None
    last_ms: float | None = None
    ended: End = "open"
    ended_ms: float | None = None
    stopped_ms: float | None = None

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


class ExchangeRequest(NamedTuple):
    """One exchange to make: the kind and the `host:port` of the link, and repeated requests.

    Where requests cannot be repeated, several of them mean one with a longer answer.

    With `closing` false the request is one after which the server may leave the connection open,
    and the exchange is over when an answer begins. With `hang_up` the client sends no request: it
    ends its own side and waits for the end of the other one. `idle_ms` is how long the connection
    must stay open before that; a proxy whose server is down accepts it and closes it at once.
    """

    kind: str
    address: str
    repeat: int = 1
    closing: bool = True
    hang_up: bool = False
    idle_ms: int = 0


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
# A server answers a start with an invalid value by an error that contains the value.
_STARTUP_VALUE = 40  # bytes of it for each request that it replaces
_STARTUP_VALUE_MAX = 9_000  # PostgreSQL accepts 10,000 bytes
_FRAME = struct.Struct("!BHI")  # AMQP 0-9-1, 4.2.3: type, channel, size; and one byte at the end
_TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal, handshake_failure: the server closes


def closing_request(kind: str, repeat: int = 1) -> bytes:
    """Return requests after which the server closes: `repeat` of them, if they can be repeated."""
    protocol, _, name = kind.partition(" ")
    if repeat > 1 and protocol == "postgres":
        return _startup(min(repeat * _STARTUP_VALUE, _STARTUP_VALUE_MAX))
    if repeat > 1 and protocol == "amqp":
        return link_probe.REQUESTS["amqp"]  # answered by a frame that lists all abilities
    if protocol in ("https", "wss"):
        return link_probe.request_of(kind) + _TLS_ALERT
    repeated, last = _REQUESTS.get(protocol, (b"", link_probe.request_of(protocol)))
    request = repeated * (repeat - 1) + last
    return request.replace(b"Host: probe", f"Host: {name}".encode()) if name else request


def repeats(kind: str) -> bool:
    """Whether each of several requests is answered, in place of one that has a longer answer."""
    return kind.partition(" ")[0] not in ("amqp", "postgres")


def _startup(size: int) -> bytes:
    """Return a StartupMessage of PostgreSQL with an invalid value of so many bytes."""
    value = b"x" * size
    parameters = b"user\0gauntlet\0replication\0" + value + b"\0\0"
    return struct.pack("!II", 8 + len(parameters), 196_608) + parameters


def keep_alive_request(kind: str) -> bytes:
    """Return a request after which the server leaves the connection open, if there is one."""
    protocol, _, name = kind.partition(" ")
    repeated, _ = _REQUESTS.get(protocol, (b"", b""))
    request = repeated or link_probe.request_of(kind)
    return request.replace(b"Host: probe", f"Host: {name}".encode()) if name else request


def exchange(
    wanted: ExchangeRequest, timeout_s: float, stop: threading.Event | None = None
) -> Exchange:
    """Send the requests, and read until the server ends the connection or time is up.

    The wait ends early when `stop` is set.
    """
    host, _, port = wanted.address.rpartition(":")
    deadline = time.monotonic() + timeout_s
    try:
        connection = socket.create_connection((host, int(port)), timeout=timeout_s)
    except ConnectionRefusedError:
        return Exchange(0, ended="refused")
    except OSError:
        return Exchange(0, ended="failed")
    with connection:
        return _OpenExchange(connection, wanted, deadline, stop).run()


def exchange_all(
    wanted: Mapping[Any, ExchangeRequest], timeout_s: float, stop: threading.Event | None = None
) -> dict[Any, Exchange]:
    """Make exchanges concurrently; return the results by the same keys."""
    if not wanted:
        return {}
    with ThreadPoolExecutor(min(len(wanted), _PARALLEL_MAX)) as pool:
        results = pool.map(lambda each: exchange(each, timeout_s, stop), wanted.values())
        return dict(zip(wanted, results, strict=True))


class _OpenExchange:
    """One exchange over a connection that is open."""

    def __init__(
        self,
        connection: socket.socket,
        wanted: ExchangeRequest,
        deadline: float,
        stop: threading.Event | None,
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._deadline = deadline
        self._stop = stop
        self._began = 0.0
        self._received = 0
        self._head = b""
        self._first_ms: float | None = None
        self._last_ms: float | None = None
        self._stopped_ms: float | None = None

    def run(self) -> Exchange:
        """Send the request, read what comes, and return what was seen."""
        sent = 0
        ended: End = "open"
        self._began = time.monotonic()
        try:
            if not self._stays_open():
                return Exchange(0, ended="closed", ended_ms=self._since_ms())
            self._began = time.monotonic()
            self._connection.settimeout(self._left_s())
            sent = self._send()
            if self._reads_to_the_end(one_answer=not self._wanted.closing):
                ended = "closed"
            elif self._is_complete():
                ended = "answered"
        except TimeoutError:
            pass
        except OSError:
            ended = "reset"
        return Exchange(
            sent,
            self._received,
            self._first_ms,
            self._last_ms,
            ended,
            None if ended in ("open", "answered") else self._since_ms(),
            self._stopped_ms,
        )

    def _stays_open(self) -> bool:
        """Whether the connection outlasts its idle time. Some servers speak first."""
        if not self._wanted.idle_ms:
            return True
        self._connection.settimeout(self._wanted.idle_ms / 1000)
        try:
            return bool(self._connection.recv(_READ_BYTES, socket.MSG_PEEK))
        except TimeoutError:
            return True

    def _send(self) -> int:
        """Send the request, or end our side; return the number of bytes."""
        wanted = self._wanted
        if wanted.hang_up:
            self._connection.shutdown(socket.SHUT_WR)
            return 0
        request = (
            closing_request(wanted.kind, wanted.repeat)
            if wanted.closing
            else keep_alive_request(wanted.kind)
        )
        self._connection.sendall(request)
        return len(request)

    def _reads_to_the_end(self, *, one_answer: bool = False) -> bool:
        """Read until the server has ended the connection; false if the wait is over before."""
        while time.monotonic() < self._deadline:
            data = self._next_bytes()
            if data is None:
                self._stopped_ms = self._since_ms()
                return False
            if not data:
                return True
            self._last_ms = self._since_ms()
            self._first_ms = self._last_ms if self._first_ms is None else self._first_ms
            self._received += len(data)
            self._head = (self._head + data)[: _FRAME.size]
            if one_answer or self._is_complete():
                return False
        return False

    def _is_complete(self) -> bool:
        """Whether an answer has arrived after which the server leaves the connection open."""
        is_frame = self._wanted.repeat > 1 and self._wanted.kind == "amqp"
        if not is_frame or len(self._head) < _FRAME.size:
            return False
        _, _, size = _FRAME.unpack(self._head)
        return self._received > _FRAME.size + int(size)

    def _next_bytes(self) -> bytes | None:
        """Return bytes, none at the end of the stream; None if the exchange has to end early.

        Raises TimeoutError at the deadline.
        """
        while True:
            left_s = self._left_s()
            self._connection.settimeout(left_s if self._stop is None else min(left_s, _SLICE_S))
            try:
                return self._connection.recv(_READ_BYTES)
            except TimeoutError:
                if time.monotonic() >= self._deadline:
                    raise
                if self._stop is not None and self._stop.is_set():
                    return None

    def _left_s(self) -> float:
        return max(self._deadline - time.monotonic(), 0.001)

    def _since_ms(self) -> float:
        return (time.monotonic() - self._began) * 1000
