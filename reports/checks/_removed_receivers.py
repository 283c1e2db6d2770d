"""Deliveries that are not owed, because their receiver was removed before they could have it."""

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.reports.checks._held_pushes import never_presented
from gauntlet.reports.history.arrays import NEVER, Bools, Ints
from gauntlet.reports.history.deliveries import ExpectedDeliveries
from gauntlet.reports.history.history import History
from gauntlet.reports.history.times.membership_changes import PUSH_NS

RETURN_NS = 5 * NS_PER_S  # to reconnect and read the history, or to recover from a fault


def removed_before_receiving(
    history: History, expected: ExpectedDeliveries, since_ns: Ints
) -> Bools:
    """Return the missing deliveries to users who were removed before they had time to receive it.

    They had no time if, between when the message was due (`since_ns`, by message) and the request
    to remove them, a fault acted until `RETURN_NS` before the request, or they were connected for
    less than a push takes, or for less than `RETURN_NS` after they had reconnected. A push that
    arrived and was not presented was received: the inbox of a client keeps a limited number of
    pushes that wait for earlier ones, and can read the others no more.
    """
    messages = history.messages
    excused = np.zeros(expected.message.size, dtype=np.bool_)
    at = np.flatnonzero(expected.missing)
    arrived = _arrived(history)
    message, user = expected.message[at], expected.user[at]
    due_ns = since_ns[message]
    removed_ns = history.membership.changes.next_removal_ns(messages.conv[message], user, due_ns)
    removed = removed_ns < NEVER
    at, due_ns, removed_ns = at[removed], due_ns[removed], removed_ns[removed]
    for index, from_ns, until_ns in zip(at, due_ns, removed_ns, strict=True):
        session = int(expected.session[index])
        excused[index] = (
            arrived.get((int(expected.message[index]), session), NEVER) < until_ns
            or _disturbed(history, int(from_ns), int(until_ns))
            or not _reachable(history, session, int(from_ns), int(until_ns))
        )
    return excused


def _arrived(history: History) -> dict[tuple[int, int], int]:
    """Return when each push arrived that its session never presented, by message and session."""
    at = np.flatnonzero(never_presented(history))
    columns = history.messages.of_record[at], history.session[at], history.records["t_ns"][at]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {(message, session): t_ns for message, session, t_ns in rows}


def _reachable(history: History, session: int, due_ns: int, removed_ns: int) -> bool:
    """Return whether the session was connected for long enough before the removal."""
    connections = history.sessions.connections
    own = np.flatnonzero(connections.session == session)
    up_ns = connections.up_ns[own]
    until_ns = np.minimum(connections.down_ns[own], removed_ns)
    needed_ns = np.where(up_ns <= due_ns, PUSH_NS, RETURN_NS)
    return bool((until_ns - np.maximum(up_ns, due_ns) >= needed_ns).any())


def _disturbed(history: History, due_ns: int, removed_ns: int) -> bool:
    """Return whether a fault acted until shortly before the removal."""
    for fault in history.events.faults:
        if fault.effective_ns is not None and fault.effective_ns < removed_ns:
            healed_ns = NEVER if fault.healed_ns is None else fault.healed_ns
            if healed_ns > max(due_ns, removed_ns - RETURN_NS):
                return True
    return False
