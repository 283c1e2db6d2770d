"""sender-fifo: the messages that one sender sent one after the other are presented in that order.

Two messages of one sender in one conversation are ordered if the first was acknowledged before the
first attempt at the second. A violation is a session that receives the second before the first.
The check sorts the deliveries by stream (session, conversation, sender), and looks for the earliest
acknowledgement behind each of them.
"""

import numpy as np

from gauntlet.core.plugins import CheckKind
from gauntlet.reports.checks._shared import earliest_from, first_deliveries
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import NEVER, Ints, group_numbers, pair, sorted_groups
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
    source = group_numbers(pair(history.messages.conv, history.messages.author))
    order, begins = sorted_groups(session, source[message])
    message, session, stream = message[order], session[order], np.cumsum(begins) - 1
    earliest = _earliest_after(stream, history.messages.acked_ns[message])
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


def _earliest_after(stream: Ints, acked_ns: Ints) -> Ints:
    """Return the earliest acknowledgement behind each delivery in its stream, NEVER if none is.

    Deliveries are sorted by stream.
    """
    after = np.full(stream.size, NEVER, dtype=np.int64)
    follows = stream[1:] == stream[:-1]
    after[:-1] = np.where(follows, earliest_from(stream, acked_ns)[1:], NEVER)
    return after


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
