"""Which deliveries were expected, and when and how each message was first presented."""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    contains,
    distinct,
    equal,
    find,
    first_rows,
    has_flag,
    ints,
    pair,
    stable_order,
)
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.membership import MembershipIntervals
from gauntlet.reports.history.messages import Messages

CHANNEL_BITS = 3


@dataclass(frozen=True)
class Presentations:
    """Every presentation, in record order: its record, message, receiver and channel.

    `first` marks the first presentation of a message to a session. `keys` are the sorted keys
    (message, session) of what was presented, and `first_of_key` is the first presentation of each.
    """

    record: Ints
    message: Ints
    user: Ints
    session: Ints
    channel: Ints
    first: Bools
    keys: Ints
    first_of_key: Ints


@dataclass(frozen=True)
class ExpectedDeliveries:
    """One entry for each of some messages and each session that it has to be delivered to.

    These are the sessions that ever connected, of each user who is entitled to the message. For a
    delivery that did not happen `presented_ns` is NEVER and `record` is -1. `own` marks the echo
    to the device that sent the message.
    """

    message: Ints
    user: Ints
    session: Ints
    presented_ns: Ints
    record: Ints
    channel: Ints
    own: Bools

    @property
    def missing(self) -> Bools:
        """Which deliveries did not happen."""
        missing: Bools = self.record < 0
        return missing


def find_presentations(
    records: Records, messages: Messages, user: Ints, session: Ints
) -> Presentations:
    """Return the presentations of messages that can be identified; audit reads are none.

    `user` and `session` are those of each record's connection.
    """
    channel = records["flags"] & CHANNEL_BITS
    presented = (
        equal(records["kind"], Kind.DELIVER)
        & ~equal(channel, Channel.AUDIT)
        & ~has_flag(records["flags"], Flag.FOREIGN | Flag.LEFTOVER)
    )
    record = np.flatnonzero(presented)
    message, receiver = messages.of_record.take(record), session.take(record)
    keys, first_of_key = first_rows(pair(message, receiver))
    first = np.zeros(record.size, dtype=np.bool_)
    first[first_of_key] = True
    return Presentations(
        record=record,
        message=message,
        user=user.take(record),
        session=receiver,
        channel=ints(channel.take(record)),
        first=first,
        keys=keys,
        first_of_key=first_of_key,
    )


def expect_deliveries(
    ops: Bools,
    records: Records,
    messages: Messages,
    presentations: Presentations,
    membership: MembershipIntervals,
    sessions: Sessions,
    session_of_record: Ints,
    *,
    echo: bool,
) -> ExpectedDeliveries:
    """Return the deliveries expected of the messages `ops`; to their authors too with `echo`.

    Nothing is expected for users whose membership changed while the message was sent.
    """
    message, user = _expected_receivers(ops, messages, membership)
    due = membership.entitled(messages.conv[message], user, messages.position[message])
    if not echo:
        due &= messages.author[message] != user
    due &= membership.changes.certain(
        messages.conv[message],
        user,
        messages.first_attempt_ns[message],
        messages.acked_ns[message],
    )
    # A user who never connected has no session, so nothing is expected to reach them.
    message, user, session = _expand(
        sessions.user_sessions, user.compress(due), message.compress(due)
    )
    first = presentations.first_of_key
    # A delivery that did not happen finds the appended last entry.
    at = find(presentations.keys, pair(message, session))
    record = np.append(presentations.record.take(first), -1).take(at)
    return ExpectedDeliveries(
        message=message,
        user=user,
        session=session,
        presented_ns=np.where(record < 0, NEVER, ints(records["t_ns"][record])),
        record=record,
        channel=np.append(presentations.channel.take(first), 0).take(at),
        own=_is_own(records, messages, session_of_record, message, user, session),
    )


def on_any_device(expected: ExpectedDeliveries) -> ExpectedDeliveries:
    """Return the earliest delivery of each message to each user, whichever device received it.

    Where no device of a user received a message, all of its deliveries to them are missing.
    """
    receiver = pair(expected.message, expected.user)
    order = stable_order(receiver, expected.presented_ns)  # what is missing comes last
    first = np.zeros(receiver.size, dtype=np.bool_)
    first[order[first_rows(receiver.take(order))[1]]] = True
    elsewhere = contains(distinct(receiver[~expected.missing]), receiver)
    kept = np.flatnonzero(np.where(elsewhere, first, expected.missing))
    columns = {name: column[kept] for name, column in vars(expected).items()}
    return ExpectedDeliveries(**columns)


def _is_own(
    records: Records,
    messages: Messages,
    session_of_record: Ints,
    message: Ints,
    user: Ints,
    session: Ints,
) -> Bools:
    """Return which sessions sent the message; all of the author's where that is unknown."""
    if not message.size:  # as for sends without an answer, if there are none
        return np.zeros(0, dtype=np.bool_)
    ops = np.flatnonzero(equal(records["kind"], Kind.OP))
    sender = np.full(len(messages), -1, dtype=np.int64)
    sender[messages.of_record[ops]] = session_of_record.take(ops)
    by_author = messages.author[message] == user
    own: Bools = by_author & ((sender[message] < 0) | (sender[message] == session))
    return own


def _expected_receivers(
    ops: Bools, messages: Messages, membership: MembershipIntervals
) -> tuple[Ints, Ints]:
    """Return (message, user) for each of these ops and each participant of its conversation."""
    chosen = np.flatnonzero(ops)
    message, _, user = _expand(membership.participants, messages.conv[chosen], chosen)
    return message, user


def _expand(keys: Ints, owner: Ints, row: Ints) -> tuple[Ints, Ints, Ints]:
    """Return (row, owner, low) for each row and each of the sorted keys (owner, low) it owns."""
    owners, begins, sizes = np.unique(keys >> 32, return_index=True, return_counts=True)
    at = find(owners, owner)
    # -1, an owner without keys, finds the appended last entry.
    starts, counts = np.append(begins, 0).take(at), np.append(sizes, 0).take(at)
    # 0 1 2, 0 1, 0 1 2 3 …: the keys of each owner, counted from the owner's first.
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    low = keys.take(np.repeat(starts, counts) + offset) & 0xFFFFFFFF
    return np.repeat(row, counts), np.repeat(owner, counts), low
