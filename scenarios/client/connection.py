"""One connection of one user, from the dial to its end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

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


@dataclass(frozen=True, slots=True)
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


@dataclass(eq=False, slots=True)
class Connection:
    """State of one connection.

    `number` identifies its row in `links.jsonl`, and `incarnation` counts the user's connections
    from 1; both are 0 until the server has accepted the user (`connected`).
    """

    session: ConnectionListener
    url: str
    dialled_ns: int
    number: int = 0
    incarnation: int = 0
    connected: Connected | None = None
    last_frame_ns: int = 0
    ended: bool = False
    highest_pushed: dict[str, int] = field(default_factory=dict)  # position by conversation name
