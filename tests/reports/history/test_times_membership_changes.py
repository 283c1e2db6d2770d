"""When users were certainly members."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Channel, Flag, Kind, ProbeResult, RoomEvent
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.times.membership_changes import (
    PUSH_NS,
    MembershipChanges,
    granted_removals,
    ranges_of_changes,
    ranges_of_events,
)

ROOM, STAYS, AWAY, GONE, UNSURE, AGAIN = 7, 1, 2, 3, 4, 5
S = 1_000_000_000
ADDED, REMOVED = RoomEvent.ADDED, RoomEvent.REMOVED
GRANTED, UNKNOWN, REFUSED = ProbeResult.GRANTED, ProbeResult.UNKNOWN, ProbeResult.REFUSED


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
        (AWAY, 5, 19, True),
        (AWAY, 5, 19.000000001, False),  # its push may come after the removal
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
    question = asked(user, round(from_s * S), round(until_s * S))
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
    [
        (STAYS, 5, None),
        (AWAY, 5, 20),
        (AGAIN, 5, 20),
        (AGAIN, 20, 20),
        (AGAIN, 20.5, 40),
        (AGAIN, 41, None),
        (GONE, 5, 20),
    ],
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


def test_only_granted_changes_with_a_position_prove_ranges():
    rows = changes(
        (STAYS, ADDED, 1, 2, 1),
        (AWAY, ADDED, 1, 2, 3),
        (AWAY, REMOVED, 5, 6, 9),
        (GONE, ADDED, 1, 2, 4),
        (UNSURE, ADDED, 1, 2, 0),
    )
    rows["spare"][2:] = REFUSED, GRANTED, GRANTED
    rows["kind"][3] = Kind.PROBE
    found = ranges_of_changes(rows)
    assert found[["peer", "seq", "sseq"]].tolist() == [(STAYS, 1, 0), (AWAY, 3, 0)]


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


def outcomes(*rows):
    """Return the records of requests about AWAY: of (event, outcome), every 10 s from 10 s on."""
    records = changes(
        *((AWAY, event, 10 * at, 10 * at + 1, 0) for at, (event, _) in enumerate(rows, 1))
    )
    records["spare"] = [outcome for _, outcome in rows]
    return records


NO_ONE_ASKED = [(0, 10**6)]


@pytest.mark.parametrize(
    ("rows", "certain_s"),
    [
        ([(ADDED, GRANTED)], NO_ONE_ASKED),
        # An addition without an answer makes no user a stranger.
        ([(ADDED, UNKNOWN)], NO_ONE_ASKED),
        ([(ADDED, UNKNOWN), (REMOVED, GRANTED), (ADDED, GRANTED)], [(0, 20), (31, 10**6)]),
        ([(REMOVED, GRANTED)], [(0, 10)]),
        ([(REMOVED, GRANTED), (ADDED, GRANTED)], [(0, 10), (21, 10**6)]),
        # The first one of two removals counts.
        ([(REMOVED, GRANTED), (REMOVED, GRANTED), (ADDED, GRANTED)], [(0, 10), (31, 10**6)]),
        ([(REMOVED, GRANTED), (ADDED, GRANTED), (ADDED, GRANTED)], [(0, 10), (21, 10**6)]),
        # What was refused or not answered leaves it open for good whether they are a member.
        ([(REMOVED, GRANTED), (ADDED, REFUSED), (ADDED, GRANTED)], [(0, 10)]),
        ([(REMOVED, UNKNOWN), (ADDED, GRANTED)], [(0, 10)]),
        (
            [(REMOVED, GRANTED), (ADDED, GRANTED), (REMOVED, UNKNOWN), (ADDED, GRANTED)],
            [(0, 10), (21, 30)],
        ),
    ],
)
def test_only_answered_requests_make_a_membership_certain_again(rows, certain_s):
    known = MembershipChanges(outcomes(*rows))
    last_s = certain_s[-1][1]
    # A message is certain to reach a member if its push, too, comes within the span.
    for begin_s, end_s in certain_s:
        span = asked(AWAY, begin_s * S, end_s * S - PUSH_NS)
        assert known.certain(*span).tolist() == [True]
        span[3] += 1
        assert known.certain(*span).tolist() == [end_s == 10**6]
        if begin_s:
            earlier = asked(AWAY, begin_s * S - 1, end_s * S - PUSH_NS)
            assert known.certain(*earlier).tolist() == [False]
    if last_s < 10**6:
        assert known.certain(*asked(AWAY, 90 * S, 91 * S)).tolist() == [False]
    assert known.are_known(*asked(AWAY)).tolist() == [certain_s is not NO_ONE_ASKED]


@pytest.mark.parametrize(
    ("rows", "stays_s"),
    [
        ([], []),
        ([(ADDED, GRANTED)], [(10, None)]),
        ([(ADDED, UNKNOWN)], [(10, None)]),
        ([(ADDED, REFUSED)], []),
        ([(ADDED, GRANTED), (ADDED, GRANTED)], [(10, None)]),
        ([(ADDED, GRANTED), (REMOVED, GRANTED)], [(10, 21)]),
        # A removal without an answer may never take effect.
        ([(ADDED, GRANTED), (REMOVED, UNKNOWN)], [(10, None)]),
        ([(ADDED, GRANTED), (REMOVED, UNKNOWN), (REMOVED, GRANTED)], [(10, 31)]),
        ([(ADDED, GRANTED), (REMOVED, GRANTED), (REMOVED, GRANTED)], [(10, 21)]),
        ([(ADDED, GRANTED), (REMOVED, GRANTED), (ADDED, UNKNOWN)], [(10, 21), (30, None)]),
        # Who is removed first was a member before.
        ([(REMOVED, GRANTED)], [(None, 11)]),
        ([(REMOVED, GRANTED), (ADDED, GRANTED)], [(None, 11), (20, None)]),
        ([(REMOVED, UNKNOWN)], [(None, None)]),
    ],
)
def test_a_user_may_be_a_member_from_a_request_to_add_them_until_their_removal(rows, stays_s):
    known = MembershipChanges(outcomes(*rows))

    def may_be(from_ns, until_ns):
        return bool(known.may_be_member(*asked(AWAY, from_ns, until_ns))[0])

    for begin_s, end_s in stays_s:
        begin_ns = -S if begin_s is None else begin_s * S
        end_ns = 10**6 * S if end_s is None else end_s * S
        assert may_be(begin_ns, begin_ns + 1)
        assert may_be(end_ns - 1, end_ns)
        assert begin_s is None or not may_be(begin_ns - 1, begin_ns)
        assert end_s is None or not may_be(end_ns, end_ns + 1)
        assert may_be(-2 * S, 10**7 * S)
    assert may_be(-2 * S, 10**7 * S) is bool(stays_s)
    assert not known.may_be_member(*asked(STAYS, 0, 10**7 * S))[0]


@pytest.mark.parametrize(
    ("rows", "absences_s"),
    [
        ([(ADDED, GRANTED)], []),
        ([(REMOVED, GRANTED)], [(11, None)]),
        ([(REMOVED, UNKNOWN)], []),
        ([(REMOVED, GRANTED), (ADDED, GRANTED)], [(11, 20)]),
        ([(REMOVED, GRANTED), (ADDED, UNKNOWN)], [(11, 20)]),
        ([(REMOVED, GRANTED), (ADDED, REFUSED)], [(11, None)]),
        ([(REMOVED, GRANTED), (ADDED, GRANTED), (ADDED, GRANTED)], [(11, 20)]),
        ([(REMOVED, GRANTED), (ADDED, GRANTED), (REMOVED, GRANTED)], [(11, 20), (31, None)]),
    ],
)
def test_a_user_is_out_from_the_answer_to_a_removal_until_the_next_request(rows, absences_s):
    known = MembershipChanges(outcomes(*rows))

    def is_out(from_ns, until_ns):
        return bool(known.certainly_out(*asked(AWAY, from_ns, until_ns))[0])

    for begin_s, end_s in absences_s:
        begin_ns, end_ns = begin_s * S, 10**6 * S if end_s is None else end_s * S
        assert is_out(begin_ns, end_ns)
        assert not is_out(begin_ns - 1, end_ns)
        assert is_out(begin_ns, end_ns + 1) is (end_s is None)
    assert not is_out(0, 10 * S)


def test_granted_removals_have_a_position():
    rows = changes((AWAY, REMOVED, 1, 2, 9), (GONE, REMOVED, 1, 2, 0), (STAYS, ADDED, 1, 2, 8))
    rows = np.concatenate([rows, changes((AGAIN, REMOVED, 3, 4, 1), (UNSURE, REMOVED, 3, 4, 6))])
    rows["spare"][-1] = UNKNOWN
    rows["spare"][1] = GRANTED
    rows = np.concatenate([rows, rows[:1]])
    rows["kind"][-1] = Kind.PROBE
    assert granted_removals(rows)["peer"].tolist() == [AWAY, AGAIN]


def events(*rows):
    """Return the stored events of members: (user, event, position)."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    records["kind"], records["conv"] = Kind.AUDIT, ROOM
    records["flags"] = Channel.AUDIT | Flag.ROOM_EVENT
    for at, (user, event, position) in enumerate(rows):
        records[at]["peer"], records[at]["sseq"], records[at]["seq"] = user, event, position
    return records


@pytest.mark.parametrize(
    ("rows", "unrequested", "ranges"),
    [
        ([(AWAY, ADDED, 3)], [], [(AWAY, 3, 0)]),
        ([(AWAY, REMOVED, 9), (AWAY, ADDED, 3)], [], [(AWAY, 3, 0), (AWAY, 3, 9)]),
        # A removal at the position of the addition ends an empty range; one before it, none.
        ([(AWAY, ADDED, 3), (AWAY, REMOVED, 3)], [], [(AWAY, 3, 0), (AWAY, 3, 3)]),
        ([(AWAY, REMOVED, 2), (AWAY, ADDED, 3)], [], [(AWAY, 3, 0)]),
        ([(AWAY, ADDED, 3), (AWAY, REMOVED, 9)], [9], [(AWAY, 3, 0)]),
        ([(AWAY, ADDED, 3), (AWAY, REMOVED, 9)], [3, 8], [(AWAY, 3, 0), (AWAY, 3, 9)]),
        # Only members of the load have ranges, and only at known positions.
        ([(0, ADDED, 3)], [], []),
        ([(STAYS, ADDED, 1), (AWAY, ADDED, 0)], [], [(STAYS, 1, 0)]),
        ([(AWAY, RoomEvent.ENTERED, 3)], [], []),
        ([(AWAY, ADDED, 3), (AWAY, RoomEvent.EXITED, 5)], [], [(AWAY, 3, 0)]),
    ],
)
def test_stored_events_show_ranges(rows, unrequested, ranges):
    places = np.array([ROOM << 32 | seq for seq in unrequested], dtype=np.int64)
    for given in [places, *([] if unrequested else [None])]:
        found = ranges_of_events(events(*rows), given)
        assert [tuple(map(int, row)) for row in found[["peer", "seq", "sseq"]]] == ranges


def test_only_stored_events_show_ranges():
    records = events((AWAY, ADDED, 3), (GONE, ADDED, 4))
    records["flags"][0] = Channel.AUDIT
    records["kind"][1] = Kind.ROOM
    assert ranges_of_events(records).size == 0
