"""sender-fifo: the messages that one sender sent one after the other are presented in that order.

Two messages of one sender in one conversation are ordered if the first was acknowledged before the
first attempt at the second. A violation is a session that receives the second before the first, or
a page of history that lists it before the first. The check sorts the deliveries by stream (session
or page, conversation, sender), and looks for the earliest acknowledgement behind each of them.
"""

import numpy as np

from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._listings import FIRST_PAGE, first_presentations, witness_of
from gauntlet.reports.checks._shared import stored_ns
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import (
    NEVER,
    Ints,
    earliest_from,
    group_numbers,
    pair,
    sorted_groups,
)
from gauntlet.reports.history.history import History

KIND = CheckKind(
    "sender-fifo",
    "messages of one sender were presented in another order than they were sent",
    aspect="order",
    required=True,
    # An order takes two deliveries.
    examined_min=2,
)


def check(history: History) -> Finding:
    message, reader = first_presentations(history)
    source = group_numbers(pair(history.messages.conv, history.messages.author))
    order, begins = sorted_groups(reader, source[message])
    message, reader, stream = message[order], reader[order], np.cumsum(begins) - 1
    acked_ns = _acked_ns(history, message, reader)
    earliest = _earliest_after(stream, acked_ns)
    attempted_ns = history.messages.first_attempt_ns[message]
    # The appearance of a message that was never sent is a violation of `phantom`.
    overtaking = np.flatnonzero((earliest < attempted_ns) & history.messages.sent[message])
    return Finding(
        examined=message.size,
        subject="first deliveries",
        statement="{count} of {examined} {subject} {are} out of their sender's order.",
        count=overtaking.size,
        witnesses=tuple(
            _witness(history, message, reader, (at, _behind(stream, acked_ns, at)))
            for at in overtaking[:WITNESSES_MAX].tolist()
        ),
    )


def _acked_ns(history: History, message: Ints, reader: Ints) -> Ints:
    """Return from when on each message precedes those that its sender begins to send.

    One that was only handed over precedes them on the way to a receiver, but maybe not in a store.
    """
    acked_ns = history.messages.acked_ns[message]
    if reader.size and int(reader.max()) >= FIRST_PAGE:
        acked_ns = np.where(reader >= FIRST_PAGE, stored_ns(history, message), acked_ns)
    return acked_ns


def _earliest_after(stream: Ints, acked_ns: Ints) -> Ints:
    """Return the earliest acknowledgement behind each delivery in its stream, NEVER if none is.

    Deliveries are sorted by stream.
    """
    after = np.full(stream.size, NEVER, dtype=np.int64)
    follows = stream[1:] == stream[:-1]
    after[:-1] = np.where(follows, earliest_from(stream, acked_ns)[1:], NEVER)
    return after


def _behind(stream: Ints, acked_ns: Ints, at: int) -> int:
    """Return the earliest acknowledged delivery behind another one in its stream."""
    end = int(np.searchsorted(stream, stream[at], side="right"))
    return at + 1 + int(np.argmin(acked_ns[at + 1 : end]))


def _witness(history: History, message: Ints, reader: Ints, at: tuple[int, int]) -> Witness:
    second, first = message[list(at)].tolist()
    earlier = history.names.message(int(history.messages.sseq[first]))
    return witness_of(
        history,
        int(reader[at[0]]),
        f"{history.title(second)} before message {earlier}, which had been acknowledged before the "
        "other was sent.",
        (first, second),
    )
