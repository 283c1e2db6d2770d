"""realtime: a message that was acknowledged before another was sent has the earlier position.

Two messages of a conversation are ordered in real time if the first was acknowledged before the
first attempt at the second. A server that assigns positions when it stores a message cannot place
the second before the first. Pairs of the same sender concern `sender-fifo`.

Positions are those at which the audit or a receiver found a message; those of acknowledgements are
compared with them by `position`. All times of a conversation come from one clock. One backward scan
carries the earliest acknowledgement of the messages at later positions; only conversations in which
that scan finds an inversion are examined message by message.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports.checks._shared import earliest_from, found_positions
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    distinct,
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
    # An inversion takes two messages.
    examined_min=2,
)


class _Acked(NamedTuple):
    """The earliest acknowledgement among some messages of one author."""

    t_ns: int
    author: int
    message: int


def check(history: History) -> Finding:
    messages = history.messages
    position = found_positions(history)
    placed = np.flatnonzero(messages.sent & (position > 0))
    placed = placed[stable_order(messages.conv[placed], position[placed])]
    suspects = distinct(messages.conv[placed][_maybe_inverted(history, placed)])
    chosen = placed[np.isin(messages.conv[placed], suspects)]
    inverted = list(_inversions(history, chosen, position))
    return Finding(
        examined=placed.size,
        subject="messages with a position",
        statement="{count} of {examined} {subject} {were} sent after the acknowledgement of a "
        "message that has a later position.",
        count=len(inverted),
        witnesses=tuple(_witness(history, position, *pair) for pair in inverted[:WITNESSES_MAX]),
    )


def _ack_ns(history: History, message: Ints) -> Ints:
    """Return when each message was acknowledged as stored; handing over proves nothing."""
    messages = history.messages
    return np.where(messages.handed_over[message], NEVER, messages.acked_ns[message])


def _maybe_inverted(history: History, placed: Ints) -> Bools:
    """Return which messages, sorted by conversation and position, precede an earlier ack."""
    messages = history.messages
    conv, acked_ns = messages.conv[placed], _ack_ns(history, placed)
    earliest_ns = earliest_from(group_numbers(conv), acked_ns)
    inverted: Bools = earliest_ns < messages.first_attempt_ns[placed]
    return inverted


def _inversions(history: History, placed: Ints, position: Ints) -> Iterator[tuple[int, int]]:
    """Yield (acknowledged first, placed first) for each message that precedes an earlier ack."""
    messages = history.messages
    acked_ns = _ack_ns(history, placed)
    found = []
    conv = -1
    # The two earliest acknowledgements, of different authors, at later positions.
    best: list[_Acked] = []
    waiting: list[_Acked] = []  # those at the current position, which is not later than itself
    at_position = -1
    for at in range(placed.size - 1, -1, -1):
        message = int(placed[at])
        if int(messages.conv[message]) != conv:
            conv, best, waiting, at_position = int(messages.conv[message]), [], [], -1
        if int(position[message]) != at_position:
            for acked in waiting:
                best = _with(best, acked)
            waiting, at_position = [], int(position[message])
        author, sent_ns = int(messages.author[message]), int(messages.first_attempt_ns[message])
        earlier = next((acked for acked in best if acked.author != author), None)
        if earlier is not None and earlier.t_ns < sent_ns:
            found.append((earlier.message, message))
        if acked_ns[at] != NEVER:
            waiting.append(_Acked(int(acked_ns[at]), author, message))
    yield from reversed(found)


def _with(best: list[_Acked], acked: _Acked) -> list[_Acked]:
    """Return the two earliest acknowledgements of different authors among `best` and `acked`."""
    earliest: dict[int, _Acked] = {}
    for known in sorted([*best, acked]):
        earliest.setdefault(known.author, known)
    return list(earliest.values())[:2]


def _witness(history: History, position: Ints, first: int, second: int) -> Witness:
    return Witness(
        f"The server acknowledged {history.title(first)} before {history.title(second)} was sent, "
        f"but the first is at position {position[first]} and the second at position "
        f"{position[second]}.",
        (first, second),
    )
