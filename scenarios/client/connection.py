"""One connection of one user, from the dial to its end."""

from dataclasses import dataclass, field
from typing import Protocol

from gauntlet.scenarios.adapters.base import Connected
from gauntlet.scenarios.workloads.entities import User


class ConnectionListener(Protocol):
    """The owner of a connection (a session), which is informed of what happens on it."""

    user: User

    def on_open(self, connection: "Connection") -> None:
        """Handle that the WebSocket is open."""

    def on_frame(self, connection: "Connection", frame: bytes) -> None:
        """Handle a received text frame."""

    def on_closed(self, connection: "Connection", code: int) -> None:
        """Handle that the connection has ended, or could not be opened."""


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
