"""What all transports have in common: how to open a connection, and what it offers then."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from gauntlet.core.scenario.model import Tls
from gauntlet.scenarios.adapters.base import Response
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.source_addresses import SourceAddresses
from gauntlet.scenarios.network.tls import ClientTls, client_tls

CLOSE_NORMAL = 1000
CLOSE_NO_STATUS = 1005
CLOSE_ABNORMAL = 1006
DIAL_TIMEOUT_S = 5.0
# A whole message, however many frames it consists of. It is also the least limit of an HTTP body;
# loads with large bodies raise both, because a page of the history holds hundreds of messages.
MESSAGE_BYTES_MAX = 8 << 20
REDIRECTS_MAX = 5
# What a client has written and a server has not read: far above what any load has in flight.
UNREAD_BYTES_MAX = 32 << 20


class TransportError(Exception):
    """There is no answer: refused, reset, or too late. What was sent may have arrived."""


@dataclass(frozen=True, slots=True)
class Network:
    """What all connections of a worker share.

    `headers` are those of `target.headers`, which every handshake and request carries.
    """

    hosts: AllowedHosts
    tls: ClientTls
    headers: Mapping[str, str] = field(default_factory=dict)
    sources: SourceAddresses | None = None
    message_bytes_max: int = MESSAGE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Listener:
    """What happens on a connection: frames, responses to polls, and once its end.

    `on_closed` receives a close code and a reason; codes are those of WebSockets.
    """

    on_frame: Callable[[bytes], None]
    on_response: Callable[[Response], None]
    on_closed: Callable[[int, str], None]


@cache
def loopback_network() -> Network:
    """Return a network without settings, in which only loopback is allowed."""
    return Network(AllowedHosts(()), client_tls(Tls()))


def close_text(code: int, reason: str) -> str:
    """Return the end of a connection in words: `closed with 4008 (slow consumer)`.

    1006 is no code that a server sends: it means that the connection ended without a close frame.
    """
    text = "connection lost" if code == CLOSE_ABNORMAL else f"closed with {code}"
    return f"{text} ({reason})" if reason else text


class Wire(Protocol):
    """An open connection of any transport."""

    def send(self, frame: bytes) -> None:
        """Send a frame; does nothing on a connection that has ended."""

    def read(self, *, on: bool) -> None:
        """Pause or resume reading; while paused, the buffers of both systems fill up."""

    def close(self) -> None:
        """Close in order, with code 1000, which is then also passed to `on_closed`."""

    def abort(self) -> None:
        """Drop the connection."""
