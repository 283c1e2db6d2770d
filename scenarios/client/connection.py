"""One connection of one user, from the dial to its end."""

from dataclasses import dataclass, field
from typing import Protocol

from gauntlet.scenarios.adapters.base import Connected
from gauntlet.scenarios.workloads.entities import User


class ConnectionListener(Protocol):
    """Whose connection it is, and who is told of what happens on it."""

    user: User

    def on_open(self, connection: "Connection") -> None:
        """The WebSocket is open."""

    def on_frame(self, connection: "Connection", frame: bytes) -> None:
        """A text frame arrived."""

    def on_closed(self, connection: "Connection", code: int) -> None:
        """The connection ended, or never came up."""


@dataclass(eq=False, slots=True)
class Connection:
    """`number` is its row in `links.jsonl`; it and `incarnation` are 0 until `connected` came."""

    session: ConnectionListener
    url: str
    dialled_ns: int
    number: int = 0
    incarnation: int = 0
    connected: Connected | None = None
    last_frame_ns: int = 0
    ended: bool = False
    highest_pushed: dict[str, int] = field(default_factory=dict)  # highest position pushed on it
