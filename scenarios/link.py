"""One connection of one user, from the dial to its end."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scenarios.adapters.base import Connected

if TYPE_CHECKING:
    from scenarios.session import Session


@dataclass(eq=False, slots=True)
class Link:
    """`number` is its row in `links.jsonl`; it and `incarnation` are 0 until `connected` came."""

    session: "Session"
    url: str
    dialled_ns: int
    number: int = 0
    incarnation: int = 0
    connected: Connected | None = None
    heard_ns: int = 0
    ended: bool = False
    furthest: dict[str, int] = field(default_factory=dict)  # highest position pushed on it
