"""Which removals of members no request explains."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Channel, Flag, Kind, ProbeResult, RoomEvent
from gauntlet.reports.history.times.unrequested_removals import (
    unrequested_removals,
    without_unrequested_ends,
)

ROOM, MEMBER, OTHER = 7, 1, 2
S = 1_000_000_000
GRANTED, UNKNOWN = ProbeResult.GRANTED, ProbeResult.UNKNOWN
ADDED, REMOVED = RoomEvent.ADDED, RoomEvent.REMOVED
STORED = Channel.AUDIT | Flag.ROOM_EVENT


def row(kind, t_s, *, user=MEMBER, **fields):
    """Return a record about a member of the room."""
    record = np.zeros(1, dtype=np.dtype(DTYPE))
    values = {"kind": kind, "t_ns": t_s * S, "conv": ROOM, "peer": user, **fields}
    for name, value in values.items():
        record[name] = value
    return record


def request(t_s, outcome=GRANTED, *, seq=0, user=MEMBER):
    known = {"ref_ns": t_s * S, "spare": outcome, "seq": seq, "sseq": REMOVED}
    return row(Kind.MEMBERSHIP, t_s + 1, user=user, **known)


def asked_twice():
    return request(5, UNKNOWN), request(6, UNKNOWN)


def stored(seq, *, user=MEMBER, event=REMOVED, flags=STORED):
    return row(Kind.AUDIT, 90, user=user, seq=seq, sseq=event, flags=flags)


def shown(seq, t_s, *, kind=Kind.ROOM, event=REMOVED, flags=0):
    return row(kind, t_s, seq=seq, sseq=event, flags=flags)


def ended(seq):
    return row(Kind.RANGE, 91, seq=1, sseq=seq)


@pytest.mark.parametrize(
    ("rows", "positions"),
    [
        ([stored(9)], [9]),
        ([ended(9)], [9]),
        ([stored(9), ended(9)], [9]),
        ([request(5, seq=9), stored(9), ended(9)], []),
        ([request(5, UNKNOWN), stored(9)], []),
        ([request(5, user=OTHER), stored(9)], [9]),
        # Each request explains one removal, and the answer says which.
        ([request(5, seq=9), stored(9), stored(20)], [20]),
        ([request(5, seq=20), stored(9), stored(20)], [9]),
        ([request(5, UNKNOWN), stored(9), stored(20)], [20]),
        ([*asked_twice(), stored(9), stored(20)], []),
        # The end of a range and the stored event are one removal.
        ([*asked_twice(), stored(9), stored(20), ended(20)], []),
        ([request(5, seq=8), stored(9)], []),  # the answer names a wrong position
        # What was shown before the request has another cause.
        ([request(5, UNKNOWN), shown(9, 4), stored(9)], [9]),
        ([request(5, UNKNOWN), shown(9, 5), stored(9)], []),
        ([request(5, UNKNOWN), shown(9, 6), stored(9)], []),
        # A push may show what is not stored there.
        ([request(5, UNKNOWN), shown(9, 4, event=ADDED), stored(9)], []),
        ([request(5, UNKNOWN), shown(8, 4), stored(9)], []),
        # Only stored events of members, and the ends of ranges, are removals.
        ([stored(9, flags=Channel.AUDIT)], []),
        ([shown(9, 4, kind=Kind.RECEIVE, flags=Flag.ROOM_EVENT)], []),
        ([stored(9, event=ADDED)], []),
        ([stored(9, user=0)], []),
        ([stored(0)], []),
        ([stored(1)], [1]),
        ([ended(0)], []),
        ([ended(1)], [1]),
        ([], []),
    ],
)
def test_a_removal_needs_a_request(rows, positions):
    records = np.concatenate([row(Kind.OP, 1), *rows])
    assert unrequested_removals(records).tolist() == [ROOM << 32 | seq for seq in positions]


def test_a_range_that_an_unrequested_removal_ends_has_no_end():
    ranges = np.concatenate([ended(9), ended(20), ended(0), ended(1)])
    opened = without_unrequested_ends(ranges, np.array([ROOM << 32 | 1, ROOM << 32 | 9]))
    assert opened["sseq"].tolist() == [0, 20, 0, 0]
