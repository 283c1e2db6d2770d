"""Which acknowledgements are of messages that were never sent, or name a wrong position."""

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.reports.history.arrays import (
    Ints,
    contains,
    distinct,
    equal,
    has_flag,
    ints,
    is_any,
    marks,
    pair,
)
from gauntlet.reports.history.history import History


def placed_acks(history: History) -> Ints:
    """Return the records of acknowledgements with a position whose message was seen at one."""
    return history.once(_placed_acks)


def misplaced_acks(history: History) -> Ints:
    """Return those of `placed_acks` whose position is none of those of their message."""
    return history.once(_misplaced_acks)


def unsent_acks(history: History) -> Ints:
    """Return the records of acknowledgements of messages that were never sent."""
    of_record = history.messages.of_record
    at = np.flatnonzero(equal(history.records["kind"], Kind.ACK) & (of_record >= 0))
    unsent: Ints = at[~history.messages.sent[of_record[at]]]
    return unsent


def _placed_acks(history: History) -> Ints:
    records, of_record = history.records, history.messages.of_record
    acks = equal(records["kind"], Kind.ACK) & (records["seq"] > 0) & (of_record >= 0)
    acks &= ~has_flag(records["flags"], Flag.HANDED_OVER)
    at = np.flatnonzero(acks)
    seen = marks(of_record[history.once(_seen)], len(history.messages))
    placed: Ints = at[seen[of_record[at]]]
    return placed


def _misplaced_acks(history: History) -> Ints:
    records, of_record = history.records, history.messages.of_record
    at: Ints = placed_acks(history)
    seen = history.once(_seen)
    # Where a message was seen at its known position, an acknowledgement of that one is correct.
    position = history.messages.position
    known = seen.compress(records["seq"][seen] == position[of_record[seen]])
    confirmed = marks(of_record[known], len(history.messages))[of_record[at]]
    at = at[~confirmed | (records["seq"][at] != position[of_record[at]])]
    if not at.size:
        return at
    places = distinct(pair(of_record[seen], ints(records["seq"][seen])))
    misplaced: Ints = at[~contains(places, pair(of_record[at], ints(records["seq"][at])))]
    return misplaced


def _seen(history: History) -> Ints:
    """Return the records that show a message at a position, acknowledgements left out."""
    records = history.records
    seen = is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.ARRIVED, Kind.AUDIT))
    seen &= (records["seq"] > 0) & (history.messages.of_record >= 0)
    return np.flatnonzero(seen)
