"""One connection of one user, from the dial to its end."""

from dataclasses import dataclass, field
from typing import Protocol

from gauntlet.scenarios.adapters.base import Connected
from gauntlet.scenarios.workloads.entities import User


class Listener(Protocol):
    """Whose connection it is, and who is told of what happens on it."""

    user: User

    def on_open(self, link: "Link") -> None:
        """The WebSocket is open."""

    def on_frame(self, link: "Link", frame: bytes) -> None:
        """A text frame arrived."""

    def on_closed(self, link: "Link", code: int) -> None:
        """The connection ended, or never came up."""


@dataclass(eq=False, slots=True)
class Link:
    """`number` is its row in `links.jsonl`; it and `incarnation` are 0 until `connected` came."""

    session: Listener
    url: str
    dialled_ns: int
    number: int = 0
    incarnation: int = 0
    connected: Connected | None = None
    heard_ns: int = 0
    ended: bool = False
    furthest: dict[str, int] = field(default_factory=dict)  # highest position pushed on it
