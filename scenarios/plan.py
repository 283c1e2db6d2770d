"""What a plan is made of: users, conversations, ops, and who is away. Plain values."""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec


@dataclass(frozen=True, slots=True)
class User:
    """A virtual user: its identity is its worker and slot."""

    number: int
    name: str
    device: str = "d0"


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


class Absence(NamedTuple):
    """A user is away on purpose, in nanoseconds from the start of the timeline.

    He goes offline, or `stalls`: stays connected and reads nothing.
    """

    user: int
    from_ns: int
    to_ns: int
    stalls: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """What a workload may plan with."""

    worker: int
    users: tuple[User, ...]
    ramp_ns: int
    steady_ns: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A conversation as a workload wishes it."""

    name: str
    members: tuple[int, ...]


def direct(one: User, other: User) -> Draft:
    """The conversation of two users: one for each pair, named as the protocol names it."""
    first, second = sorted((one, other), key=lambda user: user.name)
    return Draft(f"d.{first.name}.{second.name}", (first.number, second.number))
