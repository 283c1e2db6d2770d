"""One round trip over a link, in the words of its protocol: whether it answers, and how fast."""

import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

# What makes a server speak without knowing us. Any first byte of an answer counts: an error is as
# good as a greeting, since it shows that both directions carry data.
_HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
REQUESTS: dict[str, bytes] = {
    "http": _HEALTHZ,
    "ws": _HEALTHZ,
    "redis": b"PING\r\n",
    "amqp": b"AMQP\x00\x00\x09\x01",  # AMQP 0-9-1, 2.2.4: the protocol header
    "postgres": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",  # SSLRequest; answered by one byte
}


class Reading(NamedTuple):
    """`rtt_ms` of an answer, or None and why there was none; `silent`: open, but nothing came."""

    rtt_ms: float | None
    reason: str = ""
    silent: bool = False

    def shown(self) -> float | str:
        """As it stands in a proof."""
        return self.reason if self.rtt_ms is None else round(self.rtt_ms, 3)


def probe(kind: str, address: str, timeout_s: float) -> Reading:
    """Connect to `host:port`, say the request of `kind`, wait for the first byte."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + timeout_s
    try:
        with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
            began = time.monotonic()
            connection.settimeout(max(deadline - began, 0.001))
            connection.sendall(REQUESTS[kind])
            first = connection.recv(1)
            rtt_ms = (time.monotonic() - began) * 1000
    except TimeoutError:
        return Reading(None, f"no answer within {timeout_s * 1000:.0f} ms", silent=True)
    except OSError as error:
        return Reading(None, error.strerror or repr(error))
    return Reading(rtt_ms) if first else Reading(None, "closed without an answer")


def probe_all(links: Mapping[str, tuple[str, str]], timeout_s: float) -> dict[str, Reading]:
    """Probe `{name: (kind, address)}` side by side."""
    if not links:
        return {}
    with ThreadPoolExecutor(len(links)) as pool:
        readings = pool.map(lambda link: probe(link[0], link[1], timeout_s), links.values())
        return dict(zip(links, readings, strict=True))
