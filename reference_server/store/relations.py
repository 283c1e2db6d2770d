"""The relation of two users: the bits of one row, and how actions change them. Pure.

A pair of users has one row with the lesser name first (that user is `side` 0). Every change is one
statement on that row, so two users who act at the same time cannot leave it in between.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

Action = Literal["request", "part", "block", "unblock"]
Relation = Literal["none", "outgoing", "incoming", "friends", "blocked", "barred"]

# Bits by side: the user requests the friendship; the user blocks the other.
WANTS, BLOCKS = (1, 2), (4, 8)
# Both bits of a kind: if both users request the friendship, they are friends.
FRIENDS, BLOCKED = sum(WANTS), sum(BLOCKS)
ONCE_BLOCKED = 16  # is never cleared, so that readers of block changes also learn of unblocking


class Change(NamedTuple):
    """The new state is `state & keep | put`, or the old state if `state & unless`."""

    keep: int
    put: int = 0
    unless: int = 0


CHANGES: Mapping[Action, Callable[[int], Change]] = {
    "request": lambda side: Change(~0, WANTS[side], unless=BLOCKED),
    "part": lambda _: Change(~FRIENDS),  # also declines or withdraws a request
    "block": lambda side: Change(~FRIENDS, BLOCKS[side] | ONCE_BLOCKED),
    "unblock": lambda side: Change(~BLOCKS[side]),
}


def will(side: int) -> int:
    """Return the bits that only the user on `side` sets."""
    return WANTS[side] | BLOCKS[side]


def relation(state: int, side: int) -> Relation:
    """Return the relation as the user on `side` sees it.

    `blocked`: this user blocks the other; `barred`: only the other blocks this user.
    """
    if state & BLOCKED:
        return "blocked" if state & BLOCKS[side] else "barred"
    wants: dict[int, Relation] = {0: "none", WANTS[side]: "outgoing", FRIENDS: "friends"}
    return wants.get(state & FRIENDS, "incoming")


def blockers(low: str, high: str, state: int) -> list[str]:
    """Return those of the two users who block the other."""
    return [user for user, bit in zip((low, high), BLOCKS, strict=True) if state & bit]
