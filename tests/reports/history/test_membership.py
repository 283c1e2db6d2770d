"""Who may read what: members of everything, ranges of positions, and doubt."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Kind
from gauntlet.reports.history.directory import Conversation, Names
from gauntlet.reports.history.membership import MembershipIntervals

DIRECT, ROOM = 1, 2
MEMBER, OTHER, LEFT, TWICE, UNSURE, STRANGER = 1, 2, 3, 4, 5, 9


def ranges(*rows):
    """RANGE records of the room: (user, first, last)."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    records["kind"], records["conv"] = Kind.RANGE, ROOM
    for at, (user, first, last) in enumerate(rows):
        records[at]["peer"], records[at]["seq"], records[at]["sseq"] = user, first, last
    return records


ENTITLEMENT = MembershipIntervals(
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
        (DIRECT, STRANGER, 0, False, False),
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
def test_who_may_read(conv, user, position, entitled, excluded):
    """Ranges include both ends, the last word on a range counts, and doubt is neither."""
    asked = [np.array([value], dtype=np.int64) for value in (conv, user, position)]
    assert ENTITLEMENT.entitled(*asked).tolist() == [entitled]
    assert ENTITLEMENT.excluded(*asked).tolist() == [excluded]


def test_participants_are_members_and_owners_of_ranges():
    """A late joiner who was not planned is a participant all the same."""
    known = MembershipIntervals(ranges((7, 4, 0)), Names({}, {}, {}))
    assert known.participants.tolist() == [(ROOM << 32) | 7]
