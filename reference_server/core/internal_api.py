"""The values that edges and services exchange over the internal HTTP API."""

from typing import Literal

import msgspec

Event = Literal["enter", "exit", "leave", "lost", "back"]


class AttendanceEvent(msgspec.Struct, omit_defaults=True):
    """What a user's connection did; `conv` only with enter and exit."""

    user: str
    connection: str
    event: Event
    conv: str = ""


class Heads(msgspec.Struct, frozen=True):
    """Heads of conversations, and the watermark to ask from next time.

    `members` holds the rooms among them whose membership changed.
    """

    heads: dict[str, int]
    watermark: int
    members: dict[str, list[str]] = {}
