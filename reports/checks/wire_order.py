"""wire-order: the pushes of a conversation on one connection go forward, and jumps are announced.

What the records can show: a client shows held-back pushes late and in order (DELIVER, ROOM), and
tells at reception of a push that it drops, or that went back on its connection (RECEIVE). So, over
the live records of one (connection, conversation):

- a RECEIVE that is no duplicate, or at or below a position of an earlier record, went backwards;
- a position between the lowest and the highest pushed was jumped over, unless it was pushed too,
  lies in a GAP of that connection, the user may not read it, or he wrote it himself and the system
  sends nobody his own.

Not visible is a duplicate that went back while its successors were still held.
"""

import numpy as np

from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.checks._own_positions import OwnPositions
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import Bools, Ints, ints, pair


def check(history: History) -> Finding:
    record, lane, seq = _pushes(history)
    went_back = record[_backward(history, record, lane, seq)]
    jumped = _unannounced(history, *_jumps(record, lane, seq))
    witnesses = [
        *(_back_witness(history, int(at)) for at in went_back[:WITNESSES_MAX]),
        *(_jump_witness(history, int(at), first) for at, first in jumped[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=record.size,
        what="pushes",
        count=went_back.size + len(jumped),
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
    )


def _pushes(history: History) -> tuple[Ints, Ints, Ints]:
    """(record, lane, position) of the live records; a lane is a (connection, conversation)."""
    records = history.records
    live = np.isin(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM))
    live &= (records["flags"] & CHANNEL_BITS == Channel.LIVE) & (records["seq"] > 0)
    record = np.flatnonzero(live)
    _, lane = np.unique(pair(records["link"][record], records["conv"][record]), return_inverse=True)
    order = np.argsort(lane, kind="stable")
    return record[order], lane[order], ints(records["seq"][record])[order]


def _backward(history: History, record: Ints, lane: Ints, seq: Ints) -> Bools:
    received = history.records["kind"][record] == Kind.RECEIVE
    admitted = history.records["flags"][record] & Flag.DUPLICATE == 0
    # Later lanes lie above earlier ones, so one running maximum serves all of them.
    highest = np.maximum.accumulate(pair(lane, seq))
    before = np.append(np.int64(-1), highest[:-1])[: lane.size]
    behind = (before >> 32 == lane) & (seq <= before & 0xFFFFFFFF)
    found: Bools = received & (admitted | behind)
    return found


def _jumps(record: Ints, lane: Ints, seq: Ints) -> tuple[Ints, Ints, Ints]:
    """(record, first, last) of the positions that were not pushed between two that were."""
    places, first = np.unique(pair(lane, seq), return_index=True)
    wide = np.flatnonzero((places[1:] >> 32 == places[:-1] >> 32) & (places[1:] > places[:-1] + 1))
    lower, upper = places[wide] & 0xFFFFFFFF, places[wide + 1] & 0xFFFFFFFF
    return record[first[wide + 1]], lower + 1, upper - 1


def _unannounced(history: History, record: Ints, first: Ints, last: Ints) -> list[tuple[int, int]]:
    """(record, position) of the jumps over what was owed to the reader, and not announced."""
    gaps, own = _gaps(history), OwnPositions(history)
    conv, user = ints(history.records["conv"][record]), history.user[record]
    # One at a time are looked at only those that hold more than the reader's own.
    others = own.count(conv, user, first, last) <= last - first
    record, first, last = record[others], first[others], last[others]
    found = []
    for at, lower, upper in zip(record.tolist(), first.tolist(), last.tolist(), strict=True):
        lane = int(history.records["link"][at]), int(history.records["conv"][at])
        skipped = np.arange(lower, upper + 1, dtype=np.int64)
        for start, end in gaps.get(lane, ()):
            skipped = skipped[(skipped < start) | (skipped > end)]
        place = np.full_like(skipped, lane[1]), np.full_like(skipped, history.user[at]), skipped
        owed = ~history.entitlement.excluded(*place) & ~own.holds(*place)
        if owed.any():
            found.append((at, int(skipped[owed][0])))
    return found


def _gaps(history: History) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """The announced gaps (first, last) of each (connection, conversation)."""
    gaps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for record in history.records[history.records["kind"] == Kind.GAP]:
        lane = (int(record["link"]), int(record["conv"]))
        gaps.setdefault(lane, []).append((int(record["seq"]), int(record["sseq"])))
    return gaps


def _back_witness(history: History, at: int) -> Witness:
    return _witness(history, at, f"went back to position {history.records['seq'][at]}")


def _jump_witness(history: History, at: int, first: int) -> Witness:
    position = history.records["seq"][at]
    return _witness(
        history, at, f"jumped to position {position} without pushing or announcing {first}"
    )


def _witness(history: History, at: int, what: str) -> Witness:
    record = history.records[at]
    user, message = int(history.user[at]), int(history.messages.of_record[at])
    link = history.names.links[int(record["link"])]
    return Witness(
        f"{link.edge}, on connection {link.incarnation} of {history.names.user(user)}, {what} "
        f"in {history.names.conv(int(record['conv']))}.",
        (message,) if message >= 0 else (),
        user,
    )
