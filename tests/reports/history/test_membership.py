"""Who may read which positions of a conversation."""

from dataclasses import replace

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, RECORDED, Channel, Flag, Kind, ProbeResult, RoomEvent
from gauntlet.core.run_directory import UNKNOWN_SENDER
from gauntlet.reports.history.directory import Conversation, Names
from gauntlet.reports.history.events import GuardStop
from gauntlet.reports.history.membership import (
    MembershipIntervals,
    are_requests_known,
    may_have_other_members,
)

from ..small_runs import SmallRun

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
        (ROOM, TWICE, 1, False, True),
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


def test_in_a_part_of_a_history_only_its_conversations_have_members():
    names = Names(
        {},
        {
            DIRECT: Conversation("d", "direct", (MEMBER, OTHER)),
            ROOM: Conversation("r", "group", (MEMBER,)),
        },
        {},
    )
    known = MembershipIntervals(ranges((MEMBER, 1, 0)), names, frozenset({ROOM, 9}))
    assert known.participants.tolist() == [ROOM << 32 | MEMBER]


@pytest.mark.parametrize(("rows", "begins"), [((), 0), (((MEMBER, 4, 0),), 4)])
def test_a_range_begins_where_there_is_one(rows, begins):
    known = MembershipIntervals(ranges(*rows), Names({}, {}, {}))
    question = [np.array([value], dtype=np.int64) for value in (ROOM, MEMBER, 7)]
    assert known.range_begins(*question).tolist() == [begins]


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


def events(*rows):
    """Return records of stored events: (user, event, position)."""
    stored = ranges(*((user, position, event) for user, event, position in rows))
    stored["kind"], stored["flags"] = Kind.AUDIT, Channel.AUDIT | Flag.ROOM_EVENT
    return stored


def removal(user, position, result=ProbeResult.GRANTED):
    """Return the record of a request to remove a user."""
    change = ranges((user, position, RoomEvent.REMOVED))
    change["kind"], change["spare"] = Kind.MEMBERSHIP, result
    return change


def readable(user, *records, requests_are_known=False):
    """Return which of the positions 0 to 12 a user may read."""
    names = Names({}, {ROOM: Conversation("r", "group", (MEMBER, LEFT))}, {})
    known = MembershipIntervals(
        np.concatenate(records), names, requests_are_known=requests_are_known
    )
    positions = np.arange(13)
    columns = np.full(13, ROOM), np.full(13, user), positions
    assert not (known.entitled(*columns) & known.excluded(*columns))[1:].any()
    return positions[known.entitled(*columns)].tolist()


def test_a_member_whom_the_server_forgot_may_read_from_the_stored_event_that_added_them():
    added = events((LEFT, RoomEvent.ADDED, 9), (TWICE, RoomEvent.ADDED, 3))
    assert readable(LEFT, ranges((MEMBER, 1, 0)), added) == [0, 9, 10, 11, 12]
    removed = events((LEFT, RoomEvent.REMOVED, 11), (LEFT, RoomEvent.ENTERED, 10))
    assert readable(LEFT, ranges((MEMBER, 1, 0)), removed, added) == [0, 9, 10, 11]


def test_events_alone_do_not_limit_what_members_may_read():
    """Others who recorded a history may state no ranges: then all members may read everything."""
    assert readable(MEMBER, events((LEFT, RoomEvent.ADDED, 9))) == list(range(13))


def test_what_the_audit_says_of_a_range_counts_more_than_the_events():
    added = events((LEFT, RoomEvent.ADDED, 9), (LEFT, RoomEvent.REMOVED, 11))
    assert readable(LEFT, ranges((LEFT, 9, 10)), added) == [0, 9, 10]


def test_a_user_who_was_certainly_removed_may_not_read_on_if_the_server_forgot_it():
    server = ranges((LEFT, 2, 4), (LEFT, 6, 0), (LEFT, 10, 0), (MEMBER, 1, 0))
    assert readable(LEFT, server) == [0, 2, 3, 4, *range(6, 13)]
    assert readable(LEFT, server, removal(LEFT, 8)) == [0, 2, 3, 4, 6, 7, 8, 10, 11, 12]
    assert readable(MEMBER, server, removal(LEFT, 8)) == list(range(13))


def test_a_range_ends_with_the_first_removal_inside_it_and_others_concern_other_ranges():
    server = ranges((LEFT, 2, 4), (LEFT, 6, 0), (OTHER, 1, 0), (TWICE, 1, 0))
    removals = [removal(LEFT, at) for at in (9, 6, 8, 4, 1)]
    assert readable(LEFT, server, *removals) == [0, 2, 3, 4, 6]
    assert readable(LEFT, server, *removals[:1], *removals[2:]) == [0, 2, 3, 4, 6, 7, 8]
    assert readable(LEFT, ranges((LEFT, 6, 8)), removal(LEFT, 4)) == [0, 6, 7, 8]
    assert readable(LEFT, server, removal(LEFT, 3)) == [0, 2, 3, *range(6, 13)]
    assert readable(LEFT, server, removal(OTHER, 8), removal(TWICE, 8)) == [
        *(0, 2, 3, 4),
        *range(6, 13),
    ]


@pytest.mark.parametrize("lost", [(0, ProbeResult.GRANTED), (8, ProbeResult.UNKNOWN)])
def test_a_removal_without_a_position_or_an_answer_ends_no_range(lost):
    assert readable(LEFT, ranges((LEFT, 6, 0)), removal(LEFT, *lost)) == [0, *range(6, 13)]


def test_an_end_that_no_request_explains_ends_no_range_where_all_requests_are_known():
    """The server removed a user by itself, and still owes them what was sent afterwards."""
    server = ranges((LEFT, 2, 4))
    assert readable(LEFT, server) == [0, 2, 3, 4]
    assert readable(LEFT, server, requests_are_known=True) == [0, *range(2, 13)]
    asked = readable(LEFT, server, removal(LEFT, 4), requests_are_known=True)
    assert asked == [0, 2, 3, 4]


def test_a_user_whom_only_the_server_names_as_a_member_is_none():
    server = ranges((MEMBER, 1, 0), (STRANGER, 1, 0))
    assert readable(STRANGER, server) == []
    names = Names({}, {ROOM: Conversation("r", "group", (MEMBER, LEFT))}, {})
    known = MembershipIntervals(server, names)
    assert known.participants.tolist() == [ROOM << 32 | MEMBER, ROOM << 32 | LEFT]
    place = [np.array([value]) for value in (ROOM, STRANGER, 5)]
    assert known.excluded(*place)
    # An earlier run may have added them: they may read, but nothing is owed to them.
    known = MembershipIntervals(server, names, may_have_other_members=True)
    assert not known.excluded(*place)
    assert not known.entitled(*place)
    assert ROOM << 32 | STRANGER in known.participants.tolist()


@pytest.mark.parametrize(
    ("conv", "user", "unsure"),
    [
        (ROOM, UNSURE, True),
        (ROOM, MEMBER, False),
        (ROOM, STRANGER, False),
        (DIRECT, MEMBER, False),
    ],
)
def test_a_member_without_a_range_is_unsure_where_others_have_one(conv, user, unsure):
    arguments = [np.array([value], dtype=np.int64) for value in (conv, user)]
    assert INTERVALS.unsure(*arguments).tolist() == [unsure]


def test_ranges_of_users_who_are_no_members_make_no_member_unsure():
    names = Names({}, {ROOM: Conversation("r", "group", (MEMBER, UNSURE))}, {})
    found = MembershipIntervals(ranges((STRANGER, 1, 0)), names, may_have_other_members=True)
    assert found.unsure(np.array([ROOM]), np.array([MEMBER])).tolist() == [False]


def test_the_unknown_sender_stands_for_a_member_with_a_range():
    """In a history that others recorded, nothing else shows that members have ranges."""
    names = Names({}, {ROOM: Conversation("r", "group", (MEMBER, UNSURE))}, {})
    stated = ranges((UNKNOWN_SENDER, 1, 0))
    found = MembershipIntervals(stated, names, may_have_other_members=True)
    assert found.unsure(np.array([ROOM]), np.array([MEMBER])).tolist() == [True]


@pytest.mark.parametrize(
    ("stated", "user", "timed"),
    [(True, LEFT, True), (True, UNSURE, False), (True, MEMBER, False), (False, LEFT, False)],
)
def test_members_of_whom_only_times_are_known_are_entitled_at_these(stated, user, timed):
    """`changes` limits that to what was sent in these times."""
    removal = ranges((LEFT, 0, RoomEvent.REMOVED))
    removal["kind"], removal["spare"], removal["t_ns"] = Kind.MEMBERSHIP, ProbeResult.GRANTED, 9
    names = Names({}, {ROOM: Conversation("r", "group", (MEMBER, LEFT, UNSURE))}, {})
    records = np.concatenate([ranges((MEMBER, 1, 0), (UNKNOWN_SENDER, 1, 0)), removal])
    found = MembershipIntervals(records, names, times_are_stated=stated)
    question = [np.array([value], dtype=np.int64) for value in (ROOM, user)]
    position = np.array([5], dtype=np.int64)
    assert found.timed(*question).tolist() == [timed]
    assert found.entitled(*question, position).tolist() == [timed or user == MEMBER]
    assert not found.excluded(*question, position).any()


ELSEWHERE = {
    "target": {"stack": "external", "url": ["ws://127.0.0.1:9"]},
    "accounts": {"pattern": "load-{n}"},
}


@pytest.mark.parametrize(
    ("scenario", "possible"),
    [({}, False), ({"target": {"adapter": RECORDED}}, True), (ELSEWHERE, True)],
)
def test_others_may_add_members_where_they_recorded_the_history_or_used_the_accounts(
    scenario, possible
):
    run = SmallRun((1, 2), **scenario)
    run.declare(removals=0)
    history = run.history()
    known = history.scenario, history.capabilities
    assert may_have_other_members(*known) == possible
    # Then they may have members removed as well.
    assert are_requests_known(*known, history.events) == (not possible)


@pytest.mark.parametrize(
    ("declared", "changed", "known"),
    [
        (({"removals": 3},), {}, True),
        (({"removals": 3}, {"removals": 0}), {}, True),
        ((), {}, False),
        (({},), {}, False),
        (({"removals": 3}, {}), {}, False),
        (({"removals": 3},), {"interrupted": "Ctrl-C"}, False),
        (({"removals": 3},), {"error": "the stack ended"}, False),
        (({"removals": 3},), {"guard": GuardStop(0, 1, 2.0, "too slow")}, False),
    ],
)
def test_all_requests_are_known_of_a_whole_load_whose_workers_counted_them(
    declared, changed, known
):
    run = SmallRun((1, 2))
    for about in declared:
        run.declare(**about)
    history = run.history()
    events = replace(history.events, **changed)
    assert are_requests_known(history.scenario, history.capabilities, events) == known
