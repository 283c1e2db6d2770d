"""Which pushes repeat what the client had before it connected: for two checks about pushes."""

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    equal,
    find,
    grouped,
    has_flag,
    ints,
    is_any,
    pair,
    stable_order,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History


def replayed(history: History) -> Bools:
    """Return which records are copies of what the client had when it dialled their connection.

    The client had every position up to the highest one that it had presented by then, and names it
    in its cursor. Times are compared in milliseconds. Messages of earlier runs are left out.
    """
    return history.once(_replayed)


def _replayed(history: History) -> Bools:
    records = history.records
    found = np.zeros(records.size, dtype=np.bool_)
    copies = np.flatnonzero(
        equal(records["kind"], Kind.RECEIVE)
        & equal(records["flags"] & CHANNEL_BITS, Channel.LIVE)
        & ~has_flag(records["flags"], Flag.LEFTOVER)
        & (records["seq"] > 0)
    )
    if copies.size:
        found[copies] = records["seq"][copies] <= _cursors(history, copies)
    return found


def _cursors(history: History, copies: Ints) -> Ints:
    """Return the last position that each record's client had presented before it dialled."""
    records = history.records
    ups = np.flatnonzero(equal(records["kind"], Kind.CONNECT))
    ups = ups[stable_order(records["link"][ups])]
    link = find(ints(records["link"][ups]), ints(records["link"][copies]))
    # 0, the time of a connection without a CONNECT record, precedes all presentations.
    dialled_ns = np.append(ints(records["ref_ns"][ups]), 0)[link]
    readings, _, reading = grouped(pair(history.session[copies], records["conv"][copies]))
    shown = np.flatnonzero(is_any(records["kind"], (Kind.DELIVER, Kind.ROOM)))
    shown_reading = find(readings, pair(history.session[shown], records["conv"][shown]))
    shown, shown_reading = shown[shown_reading >= 0], shown_reading[shown_reading >= 0]
    origin_ns = history.span_ns[0]

    def ms(t_ns: Ints) -> Ints:
        return np.clip((t_ns - origin_ns) // NS_PER_MS, 0, (1 << 32) - 1)

    moments = pair(shown_reading, ms(ints(records["t_ns"][shown])))
    order = stable_order(moments)
    # Keys of later readings are larger, so one running maximum serves all of them.
    highest = np.maximum.accumulate(pair(shown_reading, records["seq"][shown])[order])
    at = np.searchsorted(moments[order], pair(reading, ms(dialled_ns)))
    before = np.append(np.int64(-1), highest)[at]
    return np.where(before >> 32 == reading, before & 0xFFFFFFFF, 0)
