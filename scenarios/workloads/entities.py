"""The values that a plan consists of: users, conversations, ops and absences."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, final

from gauntlet.scenarios.adapters.base import Account

_DEVICE_SHIFT = 32  # a user number has 32 bits, as in history records


@dataclass(frozen=True)
class User:
    """A virtual user on one of their devices. Worker and slot determine number and name."""

    number: int
    name: str
    device_index: int = 0
    credentials: Account | None = None  # None: the name alone

    @property
    def account(self) -> Account:
        """Who logs in."""
        return self.credentials or Account(name=self.name)

    @property
    def device(self) -> str:
        """The name of the device."""
        return f"d{self.device_index}"

    @property
    def device_key(self) -> int:
        """One number for user and device; on the first device it equals the user's number."""
        return self.number | self.device_index << _DEVICE_SHIFT


@dataclass(frozen=True)
class Conversation:
    """A conversation of one worker; `members` are user numbers, and the first is the creator."""

    number: int
    name: str
    workload: str
    members: tuple[int, ...]

    @property
    def is_room(self) -> bool:
        """Whether members must be added to it before they can send."""
        return self.name.startswith("r.")


@final
class Op:
    """One logical message, intended `offset_ns` after the start of the arrivals.

    `sseq` numbers the ops of one author in one conversation, from 1. A recorded message has its
    own `body_bytes` (0: `load.body_bytes`) or its own `text`.
    """

    __slots__ = ("author", "body_bytes", "conv", "offset_ns", "sseq", "text")

    def __init__(
        self,
        offset_ns: int,
        conv: Conversation,
        author: int,
        sseq: int,
        body_bytes: int = 0,
        text: str | None = None,
    ) -> None:
        self.offset_ns = offset_ns
        self.conv = conv
        self.author = author
        self.sseq = sseq
        self.body_bytes = body_bytes
        self.text = text

    def _fields(self) -> tuple[int, Conversation, int, int, int, str | None]:
        return self.offset_ns, self.conv, self.author, self.sseq, self.body_bytes, self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Op) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return f"Op{self._fields()}"


class OfflinePeriod(NamedTuple):
    """A planned absence of a user, in nanoseconds from the start of the timeline.

    The user disconnects or, if it `stalls`, stays connected and reads nothing.
    """

    user: int
    from_ns: int
    to_ns: int
    stalls: bool = False


class RoomAbsence(NamedTuple):
    """A member exits a room and enters it again, in nanoseconds from the start of the timeline.

    The user stays connected and stays a member: attendance changes, and access does not.
    """

    user: int
    conv: str
    from_ns: int
    to_ns: int


class RoomRemoval(NamedTuple):
    """A member is removed from a room and added again, in nanoseconds from the timeline's start."""

    user: int
    conv: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True)
class Scope:
    """What a workload plans for: the users of one worker and the phases of the load.

    `tag` is a part of all names that a workload gives.
    """

    worker: int
    users: tuple[User, ...]
    ramp_ns: int
    steady_ns: int
    tag: str = ""


@dataclass(frozen=True)
class PlannedConversation:
    """A conversation that a workload needs, before it has a number."""

    name: str
    members: tuple[int, ...]


def direct_conversation(user: User, peer: User) -> PlannedConversation:
    """Return the conversation of two users, the same whichever of them comes first.

    `im.v1` gives each pair of users exactly one, named after both in alphabetical order.
    """
    first, second = sorted((user, peer), key=lambda member: member.name)
    return PlannedConversation(f"d.{first.name}.{second.name}", (first.number, second.number))


def device_keys(users: Iterable[int], devices: int) -> list[int]:
    """Return the device keys of users with `devices` devices each, those of one user together."""
    return [user | index << _DEVICE_SHIFT for user in users for index in range(devices)]
