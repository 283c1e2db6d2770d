"""One connection of one user, from the dial to its end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, final

from gauntlet.scenarios.adapters.base import Connected, Framing, Request, Response
from gauntlet.scenarios.workloads.entities import User


class ConnectionListener(Protocol):
    """The owner of a connection (a session), which is informed of what happens on it."""

    user: User

    def on_open(self, connection: "Connection", response: Response) -> None:
        """Handle that the connection is open; `response` is that of its handshake."""

    def on_frame(self, connection: "Connection", frame: bytes) -> None:
        """Handle a received frame."""

    def on_response(self, connection: "Connection", response: Response) -> None:
        """Handle the response to a poll."""

    def on_closed(self, connection: "Connection", code: int) -> None:
        """Handle that the connection has ended, or could not be opened."""


@dataclass(frozen=True)
class Dial:
    """What one connection needs to be opened.

    `headers` are added to those of the target. `next_request` returns the request that opens an
    event stream, or the next poll of a long-polling connection.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    framing: Callable[[], Framing] | None = None
    next_request: Callable[[], Request] | None = None


@final
class Connection:
    """State of one connection.

    `number` identifies its row in `links.jsonl`, and `incarnation` counts the user's connections
    from 1; both are 0 until the server has accepted the user (`connected`).
    """

    __slots__ = (
        "connected",
        "dialled_ns",
        "ended",
        "highest_pushed",
        "incarnation",
        "last_frame_ns",
        "number",
        "session",
        "url",
    )

    def __init__(
        self,
        session: ConnectionListener,
        url: str,
        dialled_ns: int,
        number: int = 0,
        incarnation: int = 0,
    ) -> None:
        self.session = session
        self.url = url
        self.dialled_ns = dialled_ns
        self.number = number
        self.incarnation = incarnation
        self.connected: Connected | None = None
        self.last_frame_ns = 0
        self.ended = False
        self.highest_pushed: dict[str, int] = {}  # position by conversation name
