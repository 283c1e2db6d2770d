"""When users were certainly members."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Kind, ProbeResult, RoomEvent
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.times.membership_changes import (
    PUSH_NS,
    MembershipChanges,
    ranges_of_changes,
)

ROOM, STAYS, AWAY, GONE, UNSURE, AGAIN = 7, 1, 2, 3, 4, 5
S = 1_000_000_000
ADDED, REMOVED = RoomEvent.ADDED, RoomEvent.REMOVED
GRANTED, UNKNOWN = ProbeResult.GRANTED, ProbeResult.UNKNOWN


def changes(*rows):
    """Return MEMBERSHIP records: (user, event, requested and answered in seconds, position)."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    records["kind"], records["conv"] = Kind.MEMBERSHIP, ROOM
    for at, (user, event, requested_s, answered_s, position) in enumerate(rows):
        records[at]["peer"], records[at]["sseq"], records[at]["seq"] = user, event, position
        records[at]["ref_ns"], records[at]["t_ns"] = requested_s * S, answered_s * S
        records[at]["spare"] = GRANTED if position else UNKNOWN
    return records


RECORDS = changes(
    *((user, ADDED, 1, 2, user) for user in (STAYS, AWAY, GONE, UNSURE, AGAIN)),
    (AWAY, REMOVED, 20, 21, 30),
    (AWAY, ADDED, 25, 26, 40),
    (AGAIN, REMOVED, 20, 21, 31),
    (AGAIN, ADDED, 25, 26, 41),
    (AGAIN, REMOVED, 40, 41, 50),
    (AGAIN, ADDED, 45, 46, 60),
    (GONE, REMOVED, 20, 21, 32),
    (UNSURE, REMOVED, 20, 21, 0),
    (UNSURE, ADDED, 25, 26, 42),
)


def asked(user, *times_ns):
    """Return the arguments of one question."""
    return [np.array([value], dtype=np.int64) for value in (ROOM, user, *times_ns)]


@pytest.mark.parametrize(
    ("user", "from_s", "until_s", "certain"),
    [
        (STAYS, 5, 60, True),
        (9, 5, 60, True),  # of whom no change is known
        (AWAY, 5, 18.9, True),
        (AWAY, 5, 19.1, False),  # its push may come after the removal
        (AWAY, 19, 30, False),
        (AWAY, 22, 23, False),
        (AWAY, 25.9, 27, False),
        (AWAY, 26, 27, True),
        (AGAIN, 26, 38.9, True),
        (AGAIN, 26, 39.5, False),
        (AGAIN, 46, 90, True),
        (GONE, 5, 6, True),
        (GONE, 90, 91, False),
        (UNSURE, 5, 6, True),
        (UNSURE, 30, 31, False),  # the removal may take effect late
    ],
)
def test_a_user_is_certainly_a_member_outside_of_their_changes(user, from_s, until_s, certain):
    known = MembershipChanges(RECORDS)
    question = asked(user, int(from_s * S), int(until_s * S))
    assert known.certain(*question).tolist() == [certain]


def test_many_questions_are_answered_in_their_order():
    known = MembershipChanges(RECORDS)
    users = np.array([AWAY, STAYS, AGAIN, AWAY])
    from_ns = np.array([22, 22, 42, 50]) * S
    conv = np.full(4, ROOM)
    assert known.certain(conv, users, from_ns, from_ns).tolist() == [False, True, False, True]


def test_a_send_without_an_end_is_certain_if_no_change_follows():
    known = MembershipChanges(RECORDS)
    assert known.certain(*asked(STAYS, 5 * S, NEVER)).tolist() == [True]
    assert known.certain(*asked(AGAIN, 50 * S, NEVER)).tolist() == [True]
    assert known.certain(*asked(AGAIN, 30 * S, NEVER)).tolist() == [False]


@pytest.mark.parametrize(
    ("user", "after_s", "removal_s"),
    [(STAYS, 5, None), (AGAIN, 5, 20), (AGAIN, 20.5, 40), (AGAIN, 41, None), (GONE, 5, 20)],
)
def test_the_next_removal_is_the_first_request_after_a_time(user, after_s, removal_s):
    known = MembershipChanges(RECORDS)
    expected = NEVER if removal_s is None else removal_s * S
    assert known.next_removal_ns(*asked(user, int(after_s * S))).tolist() == [expected]


def test_answered_changes_prove_ranges():
    rows = ranges_of_changes(RECORDS)
    found = [tuple(map(int, row)) for row in rows[["peer", "seq", "sseq"]]]
    assert set(rows["kind"].tolist()) == {Kind.RANGE}
    assert [row for row in found if row[0] == AGAIN] == [
        (AGAIN, 5, 0), (AGAIN, 5, 31), (AGAIN, 41, 0), (AGAIN, 41, 50), (AGAIN, 60, 0),
    ]  # fmt: skip
    # Without an answer, the end of the range is unknown.
    assert [row for row in found if row[0] == UNSURE] == [(UNSURE, 4, 0), (UNSURE, 42, 0)]


def test_a_removal_of_an_unknown_range_proves_nothing():
    assert ranges_of_changes(changes((AWAY, REMOVED, 1, 2, 9))).size == 0


def test_a_push_takes_at_most_a_second():
    assert PUSH_NS == S


@pytest.mark.parametrize(
    ("user", "from_s", "until_s", "out"),
    [
        (STAYS, 5, 60, False),
        (9, 5, 60, False),  # of whom no change is known
        (AWAY, 20.5, 24, False),  # the removal was not answered yet
        (AWAY, 21, 25, True),
        (AWAY, 22, 25.1, False),
        (AWAY, 30, 31, False),
        (AGAIN, 42, 44, True),
        (AGAIN, 22, 44, False),
        (GONE, 22, 90, True),
        (UNSURE, 22, 24, False),
    ],
)
def test_a_user_is_certainly_out_between_an_answer_and_a_request(user, from_s, until_s, out):
    question = asked(user, round(from_s * S), round(until_s * S))
    assert MembershipChanges(RECORDS).certainly_out(*question).tolist() == [out]


def test_changes_are_known_of_users_with_a_removal():
    known = MembershipChanges(RECORDS).are_known
    assert [bool(known(*asked(user))[0]) for user in (STAYS, AWAY, GONE, 9)] == [
        False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("user", "until_s", "since_s"),
    [
        (STAYS, 50, 0),
        (9, 50, 0),  # of whom no change is known
        (AWAY, 20, 0),
        (AWAY, 20.5, None),
        (AWAY, 26, None),
        (AWAY, 26.5, 26),
        (AGAIN, 40, 26),
        (AGAIN, 43, None),
        (AGAIN, 90, 46),
        (GONE, 90, None),
        (UNSURE, 90, None),
    ],
)
def test_a_stay_begins_with_the_last_answer_before_a_time(user, until_s, since_s):
    expected = NEVER if since_s is None else since_s * S
    found = MembershipChanges(RECORDS).member_since_ns(*asked(user, round(until_s * S)))
    assert found.tolist() == [expected]


def test_stays_are_found_of_several_users_at_once():
    users = np.array([AWAY, STAYS, AGAIN, 9, AWAY])
    until_ns = np.array([30, 30, 60, 30, 10]) * S
    found = MembershipChanges(RECORDS).member_since_ns(np.full(5, ROOM), users, until_ns)
    assert found.tolist() == [26 * S, 0, 46 * S, 0, 0]
