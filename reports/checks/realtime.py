"""realtime: a message that was acknowledged before another was sent has the earlier position.

Two messages of a conversation are ordered in real time if the first was acknowledged before the
first attempt at the second. A server that assigns positions when it stores a message cannot place
the second before the first. Pairs of the same sender concern `sender-fifo`.

Positions are those at which the audit or a receiver found a message; those of acknowledgements are
compared with them by `position`. A page of history that lists a message without a known position
orders its messages by itself, as if they had positions of its own. All times of a conversation come
from one clock. One backward scan carries the earliest acknowledgement of the messages at later
positions; only conversations and pages in which that scan finds an inversion are examined message
by message.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports.checks._listings import (
    FIRST_PAGE,
    oldest_first,
    without_positions,
    witness_of,
)
from gauntlet.reports.checks._shared import found_positions, stored_ns
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    distinct,
    earliest_from,
    group_numbers,
    stable_order,
)
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "realtime",
    "a message was acknowledged before another was sent, and has the later position",
    aspect="order",
    required=True,
    needs=(SERVER_SEQ,),
    pages_suffice="ordered",
    # An inversion takes two messages.
    examined_min=2,
)


class _Places(NamedTuple):
    """Messages, sorted by what orders them and by their places in that order.

    `order` is a conversation, or a page: FIRST_PAGE and the index of its record.
    """

    order: Ints
    place: Ints
    message: Ints

    def of(self, chosen: Bools) -> "_Places":
        return _Places(self.order[chosen], self.place[chosen], self.message[chosen])


class _Inversion(NamedTuple):
    """Messages in the wrong order: `second` was sent after the acknowledgement of `first`."""

    order: int
    first: int
    second: int


class _Acked(NamedTuple):
    """The earliest acknowledgement among some messages of one author."""

    t_ns: int
    author: int
    message: int


def check(history: History) -> Finding:
    places = _places(history)
    suspects = distinct(places.order[_maybe_inverted(history, places)])
    inverted = list(_inversions(history, places.of(np.isin(places.order, suspects))))
    return Finding(
        examined=places.message.size,
        subject=_subject(history),
        statement="{count} of {examined} {subject} {were} sent after the acknowledgement of a "
        "message that has a later position.",
        count=len(inverted),
        witnesses=tuple(_witness(history, *each) for each in inverted[:WITNESSES_MAX]),
    )


def _subject(history: History) -> str:
    if SERVER_SEQ in history.capabilities:
        return "messages with a position"
    return "messages with a position in a page"


def _places(history: History) -> _Places:
    messages = history.messages
    position = found_positions(history)
    placed = np.flatnonzero(messages.sent & (position > 0))
    placed = placed[stable_order(messages.conv[placed], position[placed])]
    found = _Places(messages.conv[placed], position[placed], placed)
    listed = without_positions(history, oldest_first(history))
    listed = listed.of(messages.sent[listed.message])
    if not listed.page.size:
        return found
    in_pages = _Places(FIRST_PAGE + listed.page, np.arange(listed.page.size), listed.message)
    return _Places(*map(np.concatenate, zip(found, in_pages, strict=True)))


def _maybe_inverted(history: History, places: _Places) -> Bools:
    """Return which messages precede an earlier acknowledgement in their order."""
    acked_ns = stored_ns(history, places.message)
    earliest_ns = earliest_from(group_numbers(places.order), acked_ns)
    inverted: Bools = earliest_ns < history.messages.first_attempt_ns[places.message]
    return inverted


def _inversions(history: History, places: _Places) -> Iterator[_Inversion]:
    """Yield the inversion of each message that precedes an earlier acknowledgement of another."""
    messages = history.messages
    acked_ns = stored_ns(history, places.message)
    found = []
    order = -1
    # The two earliest acknowledgements, of different authors, at later places.
    best: list[_Acked] = []
    waiting: list[_Acked] = []  # those at the current place, which is not later than itself
    at_place = -1
    for at in range(places.message.size - 1, -1, -1):
        message = int(places.message[at])
        if int(places.order[at]) != order:
            order, best, waiting, at_place = int(places.order[at]), [], [], -1
        if int(places.place[at]) != at_place:
            for acked in waiting:
                best = _with(best, acked)
            waiting, at_place = [], int(places.place[at])
        author, sent_ns = int(messages.author[message]), int(messages.first_attempt_ns[message])
        earlier = next((acked for acked in best if acked.author != author), None)
        if earlier is not None and earlier.t_ns < sent_ns:
            found.append(_Inversion(order, earlier.message, message))
        if acked_ns[at] != NEVER:
            waiting.append(_Acked(int(acked_ns[at]), author, message))
    yield from reversed(found)


def _with(best: list[_Acked], acked: _Acked) -> list[_Acked]:
    """Return the two earliest acknowledgements of different authors among `best` and `acked`."""
    earliest: dict[int, _Acked] = {}
    for known in sorted([*best, acked]):
        earliest.setdefault(known.author, known)
    return list(earliest.values())[:2]


def _witness(history: History, order: int, first: int, second: int) -> Witness:
    if order >= FIRST_PAGE:
        return witness_of(
            history,
            order,
            f"{history.title(second)} before {history.title(first)}, which had been acknowledged "
            "before the other was sent.",
            (first, second),
        )
    position = found_positions(history)
    return Witness(
        f"The server acknowledged {history.title(first)} before {history.title(second)} was sent, "
        f"but the first is at position {position[first]} and the second at position "
        f"{position[second]}.",
        (first, second),
    )
