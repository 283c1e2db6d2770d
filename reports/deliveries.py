"""Which deliveries were to be expected, and when and how each message was first presented."""

from dataclasses import dataclass

import numpy as np

from gauntlet.kernel.history import Channel, Flag, Kind
from reports.columns import NEVER, Bools, Ints, Records, find, ints, pair
from reports.entitlement import Entitlement
from reports.messages import Messages
from reports.names import Names
from reports.sessions import Sessions

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
    """One entry for each acknowledged op and each watching member entitled to it.

    `presented_ns` is NEVER, and `record` -1, for a delivery that did not happen. `own` marks the
    author's own echo.
    """

    message: Ints
    user: Ints
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
    records: Records,
    messages: Messages,
    shown: Presented,
    entitlement: Entitlement,
    sessions: Sessions,
    *,
    echo: bool,
) -> Expected:
    """What acknowledged ops owe to whom, and whether they paid; to their authors with `echo`."""
    message, user = _owed(messages, entitlement)
    due = sessions.watches(user) & entitlement.entitled(
        messages.conv[message], user, messages.position[message]
    )
    due &= echo | (messages.author[message] != user)
    message, user = message[due], user[due]
    keys, first = np.unique(pair(shown.message, shown.user), return_index=True)
    at = find(keys, pair(message, user))
    record = np.append(shown.record[first], -1)[at]
    return Expected(
        message=message,
        user=user,
        presented_ns=np.where(record < 0, NEVER, _times(records, record)),
        record=record,
        channel=np.append(shown.channel[first], 0)[at],
        own=messages.author[message] == user,
    )


def _owed(messages: Messages, entitlement: Entitlement) -> tuple[Ints, Ints]:
    """(message, user) for each acknowledged op and each user with a part in its conversation."""
    participants = entitlement.participants
    acked = np.flatnonzero(messages.acked & messages.sent)
    conv = messages.conv[acked]
    starts = np.searchsorted(participants, pair(conv, 0))
    counts = np.searchsorted(participants, pair(conv + 1, 0)) - starts
    # 0 1 2, 0 1, 0 1 2 3 …: each message's participants, counted from its conversation's first.
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    owner = participants[np.repeat(starts, counts) + offset]
    return np.repeat(acked, counts), owner & 0xFFFFFFFF


def _times(records: Records, record: Ints) -> Ints:
    if records.size == 0:
        return np.zeros(record.shape, dtype=np.int64)
    return ints(records["t_ns"][record])
