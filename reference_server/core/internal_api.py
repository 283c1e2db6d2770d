"""The values that edges and services exchange over the internal HTTP API."""

from typing import Literal

import msgspec

PresenceChange = Literal["enter", "exit", "leave", "lost", "back"]


class PresenceEvent(msgspec.Struct, omit_defaults=True):
    """What happened to a user's connection; `conv` is set for `enter` and `exit` only."""

    user: str
    connection: str
    event: PresenceChange
    conv: str = ""


class HeadsPage(msgspec.Struct, frozen=True):
    """Heads of conversations, and the watermark to request changes from next time.

    `members` maps each room whose membership changed to its current members.
    """

    heads: dict[str, int]
    watermark: int
    members: dict[str, list[str]] = {}


class RoomEventRequest(msgspec.Struct):
    """A room event that the message service should append; `key` is its identity."""

    conv: str
    event: Literal["added", "removed", "entered", "exited"]
    user: str
    key: str
    by: str = ""
    connection: str = ""


class RoomEventPosition(msgspec.Struct):
    """The position of a room event; `dup`: nothing had to be written."""

    conv: str
    seq: int
    dup: bool = False
