"""What two users are to each other: the bits of one row, and who may change which. Pure.

A pair has one row, the lesser name first (that user is `side` 0), and every change is one
statement on it: two who act at the same time cannot leave it half done.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

Wish = Literal["request", "part", "block", "unblock"]
Standing = Literal["none", "outgoing", "incoming", "friends", "blocked", "barred"]

WANTS, BLOCKS = (1, 2), (4, 8)  # by side; two who want it are friends
FRIENDS, BLOCKED = sum(WANTS), sum(BLOCKS)
ONCE_BLOCKED = 16  # stays, so that whoever follows the blocks hears of an end


class Change(NamedTuple):
    """The new state is `state & keep | put`; the old one if `state & unless`."""

    keep: int
    put: int = 0
    unless: int = 0


CHANGES: Mapping[Wish, Callable[[int], Change]] = {
    "request": lambda side: Change(~0, WANTS[side], unless=BLOCKED),
    "part": lambda _: Change(~FRIENDS),  # declines and withdraws too
    "block": lambda side: Change(~FRIENDS, BLOCKS[side] | ONCE_BLOCKED),
    "unblock": lambda side: Change(~BLOCKS[side]),
}


def standing(state: int, side: int) -> Standing:
    """How a user sees the other: `blocked` by himself, or else `barred` by him, and so on."""
    if state & BLOCKED:
        return "blocked" if state & BLOCKS[side] else "barred"
    wants: dict[int, Standing] = {0: "none", WANTS[side]: "outgoing", FRIENDS: "friends"}
    return wants.get(state & FRIENDS, "incoming")


def blockers(low: str, high: str, state: int) -> list[str]:
    """Those of the two who block the other."""
    return [user for user, bit in zip((low, high), BLOCKS, strict=True) if state & bit]
