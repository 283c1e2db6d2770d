"""Who may read which positions of a conversation."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Kind, ProbeResult, RoomEvent
from gauntlet.reports.history.directory import Conversation, Names
from gauntlet.reports.history.membership import MembershipIntervals

DIRECT, ROOM = 1, 2
MEMBER, OTHER, LEFT, TWICE, UNSURE, STRANGER = 1, 2, 3, 4, 5, 9


def ranges(*rows):
    """Return RANGE records of the room: (user, first, last)."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    records["kind"], records["conv"] = Kind.RANGE, ROOM
    for at, (user, first, last) in enumerate(rows):
        records[at]["peer"], records[at]["seq"], records[at]["sseq"] = user, first, last
    return records


INTERVALS = MembershipIntervals(
    ranges((MEMBER, 1, 0), (LEFT, 3, 0), (LEFT, 3, 8), (TWICE, 2, 4), (TWICE, 10, 0)),
    Names(
        {},
        {
            DIRECT: Conversation("d", "direct", (MEMBER, OTHER)),
            ROOM: Conversation("r", "group", (MEMBER, LEFT, TWICE, UNSURE)),
        },
        {},
    ),
)


@pytest.mark.parametrize(
    ("conv", "user", "position", "entitled", "excluded"),
    [
        (DIRECT, MEMBER, 5, True, False),
        (DIRECT, STRANGER, 5, False, True),
        (DIRECT, STRANGER, 0, False, True),
        (ROOM, MEMBER, 1, True, False),
        (ROOM, MEMBER, 900, True, False),
        (ROOM, LEFT, 2, False, True),
        (ROOM, LEFT, 3, True, False),
        (ROOM, LEFT, 8, True, False),
        (ROOM, LEFT, 9, False, True),
        (ROOM, TWICE, 4, True, False),
        (ROOM, TWICE, 7, False, True),
        (ROOM, TWICE, 10, True, False),
        (ROOM, UNSURE, 5, False, False),
        (ROOM, STRANGER, 5, False, True),
        (ROOM, MEMBER, 0, True, False),
        (ROOM, UNSURE, 0, False, False),
    ],
)
def test_members_may_read_the_positions_in_their_ranges(conv, user, position, entitled, excluded):
    """Ranges include both ends, and the last record of a range counts."""
    arguments = [np.array([value], dtype=np.int64) for value in (conv, user, position)]
    assert INTERVALS.entitled(*arguments).tolist() == [entitled]
    assert INTERVALS.excluded(*arguments).tolist() == [excluded]


def test_participants_are_members_and_users_with_ranges():
    known = MembershipIntervals(ranges((7, 4, 0)), Names({}, {}, {}))
    assert known.participants.tolist() == [(ROOM << 32) | 7]


@pytest.mark.parametrize(
    ("user", "position", "begins"),
    [(TWICE, 1, 0), (TWICE, 7, 2), (TWICE, 10, 10), (TWICE, 99, 10), (STRANGER, 5, 0)],
)
def test_the_last_range_that_begins_before_a_position_is_found(user, position, begins):
    arguments = [np.array([value], dtype=np.int64) for value in (ROOM, user, position)]
    assert INTERVALS.range_begins(*arguments).tolist() == [begins]


def test_changes_are_ranges_where_the_audit_read_nothing():
    change = ranges((LEFT, 3, RoomEvent.ADDED), (LEFT, 8, RoomEvent.REMOVED))
    change["kind"], change["spare"], change["t_ns"] = Kind.MEMBERSHIP, ProbeResult.GRANTED, (1, 2)
    known = MembershipIntervals(change, Names({}, {}, {}))
    for position, excluded in ((2, True), (3, False), (8, False), (9, True)):
        arguments = [np.array([value], dtype=np.int64) for value in (ROOM, LEFT, position)]
        assert known.excluded(*arguments).tolist() == [excluded]
