"""Probes a link: one round trip in the protocol of the link, with its duration.

A kind of link is a protocol, and for HTTP and TLS also the name of the server, because many servers
answer only to their own: `redis`, `http chat.example:8080`, `https chat.example`.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple


def _client_hello(server_name: str = "localhost") -> bytes:
    """Return the first flight of a TLS client (RFC 8446, 4.1.2).

    A server answers with its own first flight, or with an alert, also if the client trusts no CA.
    """
    outgoing = ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    connection = client.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=server_name)
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


# Requests that a server answers without credentials. The first byte of any answer counts, even of
# an error, because it shows that both directions carry data.
_HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
_CLIENT_HELLO = _client_hello()
# Mosquitto answers no other request on its WebSocket port.
_MQTT_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: probe\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cHJvYmVwcm9iZXByb2JlcA==\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)
REQUESTS: dict[str, bytes] = {
    "http": _HEALTHZ,
    "ws": _HEALTHZ,
    "https": _CLIENT_HELLO,
    "wss": _CLIENT_HELLO,
    "mqtt-ws": _MQTT_UPGRADE,
    # CONNECT of MQTT 3.1.1, which brokers of MQTT 5 answer too, without a client id.
    "mqtt": b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00",
    "nats": b"PING\r\n",
    "redis": b"PING\r\n",
    "amqp": b"AMQP\x00\x00\x09\x01",  # AMQP 0-9-1, 2.2.4: the protocol header
    "postgres": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",  # SSLRequest; answered by one byte
}
_GUESSES = ("http", "https", "redis", "mqtt", "amqp", "postgres")
_DEFAULT_NAME = "probe"
_SLICE_S = 0.05  # between two looks at whether a probe has to end early


class ProbeResult(NamedTuple):
    """The round trip `rtt_ms`, or None and the reason why there was no answer.

    `silent` means that the connection was open and nothing arrived: the sign of a partition. If the
    probe had to end before its time limit, `ended_after_ms` says how long it had waited.
    """

    rtt_ms: float | None
    reason: str = ""
    silent: bool = False
    ended_after_ms: float | None = None

    def as_evidence(self) -> float | str:
        """Return the value that a proof contains: milliseconds, or the reason."""
        return self.reason if self.rtt_ms is None else round(self.rtt_ms, 3)


def probe(
    kind: str, address: str, timeout_s: float, stop: threading.Event | None = None
) -> ProbeResult:
    """Connect to `host:port`, send the request of the link's `kind`, wait for the first byte.

    The wait ends early when `stop` is set.
    """
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + timeout_s
    try:
        with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
            began = time.monotonic()
            connection.settimeout(max(deadline - began, 0.001))
            connection.sendall(request_of(kind))
            first_byte = _receive(connection, deadline, stop)
            rtt_ms = (time.monotonic() - began) * 1000
    except TimeoutError:
        return ProbeResult(None, f"no answer within {timeout_s * 1000:.0f} ms", silent=True)
    except OSError as error:
        return ProbeResult(None, error.strerror or repr(error))
    if first_byte is None:
        return ProbeResult(None, f"no answer within {rtt_ms:.0f} ms", True, rtt_ms)
    return ProbeResult(rtt_ms) if first_byte else ProbeResult(None, "closed without an answer")


def _receive(
    connection: socket.socket, deadline: float, stop: threading.Event | None
) -> bytes | None:
    """Return the first byte, empty at the end of the stream; None if `stop` was set before.

    Raises TimeoutError at the deadline.
    """
    while True:
        left_s = max(deadline - time.monotonic(), 0.001)
        connection.settimeout(left_s if stop is None else min(left_s, _SLICE_S))
        try:
            return connection.recv(1)
        except TimeoutError:
            if time.monotonic() >= deadline:
                raise
            if stop is not None and stop.is_set():
                return None


def request_of(kind: str) -> bytes:
    """Return the bytes that a server of this kind of link answers."""
    protocol, _, name = kind.partition(" ")
    if name and protocol in ("https", "wss"):
        return _client_hello(name)
    request = REQUESTS[protocol]
    return request.replace(_DEFAULT_NAME.encode(), name.encode()) if name else request


def detect(address: str, timeout_s: float) -> str:
    """Return the kind of a link of which nothing is known; empty if it answers no known request."""
    return next((kind for kind in _GUESSES if probe(kind, address, timeout_s).rtt_ms), "")


def probe_all(
    links: Mapping[str, tuple[str, str]], timeout_s: float, stop: threading.Event | None = None
) -> dict[str, ProbeResult]:
    """Probe `{name: (kind, address)}` concurrently; return the results by name."""
    if not links:
        return {}
    with ThreadPoolExecutor(len(links)) as pool:
        results = pool.map(lambda link: probe(link[0], link[1], timeout_s, stop), links.values())
        return dict(zip(links, results, strict=True))
