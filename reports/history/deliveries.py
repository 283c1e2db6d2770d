"""Which deliveries were expected, and when and how each message was first presented."""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.history.arrays import NEVER, Bools, Ints, Records, find, grouped, ints, pair
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.membership import MembershipIntervals
from gauntlet.reports.history.messages import Messages

CHANNEL_BITS = 3


@dataclass(frozen=True)
class Presentations:
    """Every presentation, in record order: its record, message, receiver and channel.

    `first` marks the first presentation of a message to a session.
    """

    record: Ints
    message: Ints
    user: Ints
    session: Ints
    channel: Ints
    first: Bools


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


def find_presentations(records: Records, messages: Messages, names: Names) -> Presentations:
    """Return the presentations of messages that can be identified; audit reads are none."""
    channel = records["flags"] & CHANNEL_BITS
    presented = (
        (records["kind"] == Kind.DELIVER)
        & (channel != Channel.AUDIT)
        & (records["flags"] & (Flag.FOREIGN | Flag.LEFTOVER) == 0)
    )
    record = np.flatnonzero(presented)
    link = ints(records["link"][record])
    message, session = messages.of_record[record], names.session_of(link)
    first = np.zeros(record.size, dtype=np.bool_)
    first[grouped(pair(message, session)).first] = True
    return Presentations(
        record=record,
        message=message,
        user=names.user_of(link),
        session=session,
        channel=ints(channel[record]),
        first=first,
    )


def expect_deliveries(
    ops: Bools,
    records: Records,
    messages: Messages,
    presentations: Presentations,
    membership: MembershipIntervals,
    sessions: Sessions,
    names: Names,
    *,
    echo: bool,
) -> ExpectedDeliveries:
    """Return the deliveries expected of the messages `ops`; to their authors too with `echo`.

    Nothing is expected for users whose membership changed while the message was sent.
    """
    message, user = _expected_receivers(ops, messages, membership)
    due = membership.entitled(messages.conv[message], user, messages.position[message])
    due &= echo | (messages.author[message] != user)
    due &= membership.changes.certain(
        messages.conv[message],
        user,
        messages.first_attempt_ns[message],
        messages.acked_ns[message],
    )
    # A user who never connected has no session, so nothing is expected to reach them.
    message, user, session = _expand(sessions.user_sessions, user[due], message[due])
    keys, first = np.unique(pair(presentations.message, presentations.session), return_index=True)
    # A delivery that did not happen finds the appended last entry.
    at = find(keys, pair(message, session))
    record = np.append(presentations.record[first], -1)[at]
    return ExpectedDeliveries(
        message=message,
        user=user,
        session=session,
        presented_ns=np.where(record < 0, NEVER, _times_ns(records, record)),
        record=record,
        channel=np.append(presentations.channel[first], 0)[at],
        own=_is_own(records, messages, names, message, user, session),
    )


def _is_own(
    records: Records, messages: Messages, names: Names, message: Ints, user: Ints, session: Ints
) -> Bools:
    """Return which sessions sent the message; all of the author's where that is unknown."""
    ops = np.flatnonzero(records["kind"] == Kind.OP)
    sender = np.full(len(messages), -1, dtype=np.int64)
    sender[messages.of_record[ops]] = names.session_of(ints(records["link"][ops]))
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
    starts = np.searchsorted(keys, pair(owner, 0))
    counts = np.searchsorted(keys, pair(owner + 1, 0)) - starts
    # 0 1 2, 0 1, 0 1 2 3 …: the keys of each owner, counted from the owner's first.
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    low = keys[np.repeat(starts, counts) + offset] & 0xFFFFFFFF
    return np.repeat(row, counts), np.repeat(owner, counts), low


def _times_ns(records: Records, record: Ints) -> Ints:
    if records.size == 0:
        return np.zeros(record.shape, dtype=np.int64)
    return ints(records["t_ns"][record])
