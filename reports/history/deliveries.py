"""Which deliveries were to be expected, and when and how each message was first presented."""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.membership import Entitlement
from gauntlet.reports.history.messages import Messages
from gauntlet.reports.history.records import NEVER, Bools, Ints, Records, find, ints, pair

CHANNEL_BITS = 3


@dataclass(frozen=True)
class Presented:
    """Every presentation, in record order: its record, message, receiver and channel.

    `first` marks the first that a session saw of a message.
    """

    record: Ints
    message: Ints
    user: Ints
    session: Ints
    channel: Ints
    first: Bools


@dataclass(frozen=True)
class Expected:
    """One entry for each op that is owed and each watching session of a member entitled to it.

    `presented_ns` is NEVER, and `record` -1, for a delivery that did not happen. `own` marks the
    echo on the device that sent it.
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
        """Which did not happen."""
        absent: Bools = self.record < 0
        return absent


def presented(records: Records, messages: Messages, names: Names) -> Presented:
    """The presentations of messages that can be told apart; audit reads are none."""
    channel = records["flags"] & CHANNEL_BITS
    shown = (
        (records["kind"] == Kind.DELIVER)
        & (channel != Channel.AUDIT)
        & (records["flags"] & Flag.FOREIGN == 0)
    )
    record = np.flatnonzero(shown)
    link = ints(records["link"][record])
    message, session = messages.of_record[record], names.session_of(link)
    first = np.zeros(record.size, dtype=np.bool_)
    first[np.unique(pair(message, session), return_index=True)[1]] = True
    return Presented(
        record=record,
        message=message,
        user=names.user_of(link),
        session=session,
        channel=ints(channel[record]),
        first=first,
    )


def expected(
    ops: Bools,
    records: Records,
    messages: Messages,
    shown: Presented,
    entitlement: Entitlement,
    sessions: Sessions,
    names: Names,
    *,
    echo: bool,
) -> Expected:
    """What these ops owe to whom, and whether they paid; to their authors with `echo`."""
    message, user = _owed(ops, messages, entitlement)
    due = entitlement.entitled(messages.conv[message], user, messages.position[message])
    due &= echo | (messages.author[message] != user)
    # Who never connected has no session: nothing is expected of him.
    message, user, session = _spread(sessions.seats, user[due], message[due])
    keys, first = np.unique(pair(shown.message, shown.session), return_index=True)
    at = find(keys, pair(message, session))
    record = np.append(shown.record[first], -1)[at]
    return Expected(
        message=message,
        user=user,
        session=session,
        presented_ns=np.where(record < 0, NEVER, _times(records, record)),
        record=record,
        channel=np.append(shown.channel[first], 0)[at],
        own=_own(records, messages, names, message, user, session),
    )


def _own(
    records: Records, messages: Messages, names: Names, message: Ints, user: Ints, session: Ints
) -> Bools:
    """Which sessions sent the message themselves; where that is not known, all of the author's."""
    ops = np.flatnonzero(records["kind"] == Kind.OP)
    sender = np.full(len(messages), -1, dtype=np.int64)
    sender[messages.of_record[ops]] = names.session_of(ints(records["link"][ops]))
    mine = messages.author[message] == user
    own: Bools = mine & ((sender[message] < 0) | (sender[message] == session))
    return own


def _owed(ops: Bools, messages: Messages, entitlement: Entitlement) -> tuple[Ints, Ints]:
    """(message, user) for each of these ops and each user with a part in its conversation."""
    owed = np.flatnonzero(ops)
    message, _, user = _spread(entitlement.participants, messages.conv[owed], owed)
    return message, user


def _spread(keys: Ints, owner: Ints, row: Ints) -> tuple[Ints, Ints, Ints]:
    """(row, owner, low) for each row and each of the sorted keys (owner, low) of its owner."""
    starts = np.searchsorted(keys, pair(owner, 0))
    counts = np.searchsorted(keys, pair(owner + 1, 0)) - starts
    # 0 1 2, 0 1, 0 1 2 3 …: each owner's keys, counted from his first.
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    low = keys[np.repeat(starts, counts) + offset] & 0xFFFFFFFF
    return np.repeat(row, counts), np.repeat(owner, counts), low


def _times(records: Records, record: Ints) -> Ints:
    if records.size == 0:
        return np.zeros(record.shape, dtype=np.int64)
    return ints(records["t_ns"][record])
