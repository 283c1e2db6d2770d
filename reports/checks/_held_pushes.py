"""Pushes that an inbox held back: those that were never presented, and what they waited for.

A push that is presented is judged by its presentation. One that never is has only the record of its
arrival.
"""

from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.history import MISSING_MAX, Kind
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports.history.arrays import Bools, Ints, contains, equal, ints, pair
from gauntlet.reports.history.history import History


def never_presented(history: History) -> Bools:
    """Return which records are arrivals of something that its session never presented."""
    return history.once(_never_presented)


def _never_presented(history: History) -> Bools:
    records = history.records
    found = np.zeros(records.size, dtype=np.bool_)
    arrived = np.flatnonzero(equal(records["kind"], Kind.ARRIVED))
    if not arrived.size:
        return found
    readings = np.unique(_readings(history, arrived))
    shown = np.flatnonzero(np.isin(records["kind"], (Kind.DELIVER, Kind.ROOM)))
    shown = shown[contains(readings, _readings(history, shown))]
    keys = _keys(history, np.concatenate([arrived, shown]))
    presented = np.unique(keys[arrived.size :])
    found[arrived] = ~contains(presented, keys[: arrived.size])
    return found


def _readings(history: History, at: Ints) -> Ints:
    """Return a key for the session and the conversation of each record."""
    return pair(history.session[at], history.records["conv"][at])


def _keys(history: History, at: Ints) -> Ints:
    """Return equal numbers for the records of one entry in one session.

    The same event or unreadable body may occur again at another position. Where the server does not
    number entries, a page of history and a push may state different positions.
    """
    records = history.records[at]
    seq = records["seq"] if SERVER_SEQ in history.capabilities else np.zeros_like(records["seq"])
    _, reading = np.unique(_readings(history, at), return_inverse=True)
    _, place = np.unique(pair(reading, seq), return_inverse=True)
    _, author = np.unique(pair(place, records["peer"]), return_inverse=True)
    return pair(author, records["sseq"])


def arrival(history: History, message: int, session: int) -> int:
    """Return the record of the first arrival of a message that a session held back, -1 if none."""
    records = history.records
    at = np.flatnonzero((history.messages.of_record == message) & (history.session == session))
    at = at[records["kind"][at] == Kind.ARRIVED]
    return int(at[np.argmin(ints(records["t_ns"][at]))]) if at.size else -1


def describe(history: History, index: int) -> str:
    """Return when a push arrived, and behind what: `arrived at 12.3 s and was held back …`."""
    record = history.records[index]
    at = format_s((int(record["t_ns"]) - history.events.zero_ns) / NS_PER_S)
    return f"arrived at {at} and was held back {waits_for(record)}"


def waits_for(record: Any) -> str:
    """Return what a push waited for that an inbox held back."""
    missing, position = int(record["spare"]), int(record["seq"])
    if not missing:
        return "until the history was read"
    if missing == MISSING_MAX:
        return f"behind {missing:,} positions or more"
    return f"behind position {position - missing:,}"
