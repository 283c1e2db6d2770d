"""sender-fifo: the messages that one sender sent one after the other are presented in that order.

Two messages of one sender in one conversation are ordered if the first was acknowledged before the
first attempt at the second. A violation is a session that receives the second before the first.
The check takes one sort, and one backward scan that carries the earliest acknowledgement so far.
An offset separates the scans of different streams (session, conversation, sender), so that one
array operation covers them all.
"""

import numpy as np

from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._shared import first_deliveries
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Ints, grouped, pair, stable_order
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
    message, session = first_deliveries(history)
    stream = _streams(history, message, session)
    order = stable_order(stream)
    message, session, stream = message[order], session[order], stream[order]
    earliest = _earliest_ack_after(stream, message, history.messages.acked_ns)
    attempted_ns = history.messages.first_attempt_ns[message]
    # The appearance of a message that was never sent is a violation of `phantom`.
    overtaking = np.flatnonzero((earliest < attempted_ns) & history.messages.sent[message])
    return Finding(
        examined=message.size,
        subject="first deliveries",
        statement="{count} of {examined} {subject} {are} out of their sender's order.",
        count=overtaking.size,
        witnesses=tuple(
            _witness(history, message, session, stream, int(at))
            for at in overtaking[:WITNESSES_MAX]
        ),
    )


def _streams(history: History, message: Ints, session: Ints) -> Ints:
    """Return the stream of each delivery: its session, conversation and sender."""
    known = history.messages
    source = grouped(pair(known.conv, known.author)).of_row
    return grouped(pair(session, source[message])).of_row


def _earliest_ack_after(stream: Ints, message: Ints, acked_ns: Ints) -> Ints:
    """Return the earliest acknowledgement of the deliveries that follow each one in its stream.

    It is the largest integer where there is none. Deliveries are sorted by stream. `acked_ns` is
    that of each message.
    """
    values, _, rank_of_message = grouped(acked_ns)
    rank = rank_of_message.take(message)
    never = values.size
    # Later streams come first in the backward scan, so each stream's ranks are offset to lie below
    # those of all streams that were scanned before.
    offset = (stream.max(initial=0) - stream) * -(never + 1)
    backwards = (rank + offset)[::-1]
    scanned = np.minimum.accumulate(backwards)[::-1] - offset
    after = np.full(stream.size, never, dtype=np.int64)
    after[:-1] = np.where(stream[1:] == stream[:-1], scanned[1:], never)
    return np.append(values, np.iinfo(np.int64).max)[after]


def _witness(history: History, message: Ints, session: Ints, stream: Ints, at: int) -> Witness:
    known = history.messages
    end = int(np.searchsorted(stream, stream[at], side="right"))
    later = message[at + 1 : end]
    first = int(later[np.argmin(known.acked_ns[later])])
    second = int(message[at])
    user, _ = history.names.sessions[int(session[at])]
    earlier = history.names.message(int(known.sseq[first]))
    return Witness(
        f"{history.names.user(user)} received {history.title(second)} before message "
        f"{earlier}, which had been acknowledged before the other was sent.",
        (first, second),
        user,
    )
