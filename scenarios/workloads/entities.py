"""What a plan is made of: users, conversations, ops, and who is away. Plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

_DEVICE_SHIFT = 32  # user numbers are of 32 bits, as in records


@dataclass(frozen=True, slots=True)
class User:
    """A virtual user, on one of his devices: his identity is his worker and slot."""

    number: int
    name: str
    index: int = 0

    @property
    def device(self) -> str:
        """The device's name."""
        return f"d{self.index}"

    @property
    def device_key(self) -> int:
        """The number of this user on this device: on his first one, the user's own."""
        return self.number | self.index << _DEVICE_SHIFT


@dataclass(frozen=True, slots=True)
class Conversation:
    """Who talks in it; members are user numbers, the first one is its creator."""

    number: int
    name: str
    workload: str
    members: tuple[int, ...]

    @property
    def is_room(self) -> bool:
        """Whether its members must be put into it."""
        return self.name.startswith("r.")


class Op(msgspec.Struct, frozen=True):
    """One logical message, meant to be sent `offset_ns` after the arrivals began."""

    offset_ns: int
    conv: Conversation
    author: int
    sseq: int


class OfflinePeriod(NamedTuple):
    """A user is away on purpose, in nanoseconds from the start of the timeline.

    He goes offline, or `stalls`: stays connected and reads nothing.
    """

    user: int
    from_ns: int
    to_ns: int
    stalls: bool = False


class RoomAbsence(NamedTuple):
    """A member exits his room, and enters it again, in nanoseconds from the start of the timeline.

    He stays a member, and connected: it changes who attends, never who may read.
    """

    user: int
    conv: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What a workload may plan with; `tag` is a part of the names that it gives."""

    worker: int
    users: tuple[User, ...]
    ramp_ns: int
    steady_ns: int
    tag: str = ""


@dataclass(frozen=True, slots=True)
class PlannedConversation:
    """A conversation as a workload wishes it."""

    name: str
    members: tuple[int, ...]


def direct_conversation(one: User, other: User) -> PlannedConversation:
    """The conversation of two users: one for each pair, named as the protocol names it."""
    first, second = sorted((one, other), key=lambda user: user.name)
    return PlannedConversation(f"d.{first.name}.{second.name}", (first.number, second.number))


def device_keys(users: Iterable[int], devices: int) -> list[int]:
    """The device keys of some users with `devices` devices each; those of one user are adjacent."""
    return [user | index << _DEVICE_SHIFT for user in users for index in range(devices)]
