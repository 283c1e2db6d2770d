"""Connections, absences on purpose, and involuntary disconnections."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, ClosedBy, Kind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.connections import Connections, Sessions
from gauntlet.reports.history.directory import Connection, Names

from ..small_runs import NS, SmallRun, ns

MS = 1_000_000
LINKS = {link: Connection(link // 10, "d0", link % 10, "edge", "blue") for link in (11, 12, 13, 21)}


def sessions(*rows, links=LINKS, quiesce_started_ms=None, origin_ms=0):
    """Return sessions of (kind, ms, user, link) rows; close codes are 1006."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    for at, (kind, t_ms, user, link) in enumerate(rows):
        records[at]["kind"], records[at]["t_ns"] = kind, t_ms * MS
        records[at]["peer"], records[at]["link"], records[at]["spare"] = user, link, 1006
    quiesce_started_ns = NEVER if quiesce_started_ms is None else quiesce_started_ms * MS
    return Sessions(records, Names({}, {}, links), quiesce_started_ns, origin_ms * MS)


def returned_ms(known, session, from_ms, to_ms):
    """Return `returned_ns` of one delivery, in milliseconds."""
    arguments = [np.array([value], dtype=np.int64) for value in (session, from_ms * MS, to_ms * MS)]
    (found,) = known.returned_ns(*arguments)
    return found if found in (0, NEVER) else found // MS


def test_a_lost_connection_is_a_disconnection_until_the_next_connection():
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.DISCONNECT, 20, 1, 11),
        (Kind.CONNECT, 30, 1, 12),
        (Kind.DISCONNECT, 90, 1, 12),
    )
    assert known.disconnected_spans(100 * MS) == [(20 * MS, 30 * MS), (90 * MS, 100 * MS)]
    assert known.disconnected_spans(25 * MS) == [(20 * MS, 25 * MS)]
    assert known.connections.close_code.tolist() == [1006, 1006]


def test_a_move_with_overlapping_connections_is_not_a_disconnection():
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.CONNECT, 19, 1, 12),
        (Kind.DISCONNECT, 20, 1, 11),
        (Kind.CONNECT, 10, 2, 21),
    )
    assert known.disconnected_spans(100 * MS) == []


def test_an_absence_on_purpose_is_not_a_disconnection():
    """It lasts until the user connects again."""
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.OFFLINE, 20, 1, 0),
        (Kind.DISCONNECT, 21, 1, 11),
        (Kind.CONNECT, 50, 1, 12),
        (Kind.DISCONNECT, 60, 1, 12),
        (Kind.OFFLINE, 70, 1, 0),
    )
    assert known.disconnected_spans(100 * MS) == [(60 * MS, 70 * MS)]


def test_the_return_of_an_absent_receiver_is_their_next_connection():
    """The first connection of a user is a return too."""
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.OFFLINE, 20, 1, 0),
        (Kind.DISCONNECT, 21, 1, 11),
        (Kind.CONNECT, 50, 1, 12),
        (Kind.OFFLINE, 80, 1, 0),
    )
    assert returned_ms(known, 0, 5, 15) == 10
    assert returned_ms(known, 0, 12, 15) == 0
    assert returned_ms(known, 0, 15, 55) == 50
    assert returned_ms(known, 0, 30, 55) == 50
    assert returned_ms(known, 0, 60, 70) == 0
    assert returned_ms(known, 0, 75, 200) == NEVER
    assert returned_ms(known, 1, 0, 100) == 0


def test_a_delivery_that_never_came_looks_for_an_absence_until_the_end():
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.OFFLINE, 20, 1, 0),
        (Kind.CONNECT, 10, 2, 21),
        (Kind.CONNECT, 50, 1, 12),
    )
    found = known.returned_ns(*np.array([[0, 1], [15 * MS, 15 * MS], [NEVER, NEVER]]))
    assert found.tolist() == [50 * MS, 0]


def test_the_clock_of_a_run_may_begin_at_any_number():
    """Some clocks count since 1970, which in milliseconds is more than 32 bits hold."""
    years_ms = 1_800_000_000_000
    rows = ((Kind.CONNECT, 10), (Kind.OFFLINE, 20), (Kind.CONNECT, 50), (Kind.OFFLINE, 80))
    moved = ((kind, years_ms + at_ms, 1, 11) for kind, at_ms in rows)
    known = sessions(*moved, origin_ms=years_ms)
    assert returned_ms(known, 0, years_ms + 15, years_ms + 30) == years_ms + 50
    assert returned_ms(known, 0, years_ms + 60, years_ms + 70) == 0


ABSENT = (
    (Kind.CONNECT, 10, 1, 11),
    (Kind.OFFLINE, 20, 1, 11),
    (Kind.CONNECT, 10, 2, 21),
)


def test_a_user_without_a_connection_after_the_quiesce_began_was_refused():
    """The quiesce ends every absence; in a run without it, no user was refused."""
    known = sessions(*ABSENT, (Kind.DISCONNECT, 21, 1, 11), quiesce_started_ms=100)
    assert (returned_ms(known, 0, 50, 200), returned_ms(known, 0, 150, 200)) == (100, 0)
    assert known.refused_spans(130 * MS) == [(100 * MS, 130 * MS)]
    assert known.disconnected_spans(100 * MS) == []
    assert known.refused_spans(90 * MS) == []
    assert sessions(*ABSENT, (Kind.DISCONNECT, 21, 1, 11)).refused_spans(130 * MS) == []


def test_an_absent_user_with_an_open_connection_was_not_refused_until_it_ends():
    """A device that stops reading keeps its connection."""
    assert sessions(*ABSENT, quiesce_started_ms=100).refused_spans(130 * MS) == []
    known = sessions(*ABSENT, (Kind.DISCONNECT, 110, 1, 11), quiesce_started_ms=100)
    assert known.refused_spans(130 * MS) == [(110 * MS, 130 * MS)]
    assert returned_ms(known, 0, 50, 200) == 100


def test_a_user_who_reconnects_in_the_quiesce_is_absent_until_then():
    late = (Kind.CONNECT, 120, 1, 12)
    known = sessions(*ABSENT, (Kind.DISCONNECT, 21, 1, 11), late, quiesce_started_ms=100)
    assert returned_ms(known, 0, 50, 200) == 120
    assert known.refused_spans(130 * MS) == []


def test_only_users_who_connected_have_sessions():
    known = sessions((Kind.CONNECT, 10, 1, 11), (Kind.OFFLINE, 5, 2, 0))
    assert [(int(key) >> 32, int(key) & 0xFFFF) for key in known.user_sessions] == [(1, 0)]


def test_each_device_has_its_own_absences():
    links = {
        11: Connection(1, "d0", 1, "e", "b"),
        12: Connection(1, "d1", 1, "e", "b"),
        13: Connection(1, "d0", 2, "e", "b"),
        14: Connection(1, "d1", 2, "e", "b"),
    }
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.CONNECT, 11, 1, 12),
        (Kind.OFFLINE, 20, 1, 11),
        (Kind.OFFLINE, 20, 1, 12),
        (Kind.DISCONNECT, 20, 1, 11),
        (Kind.DISCONNECT, 20, 1, 12),
        (Kind.CONNECT, 50, 1, 13),
        (Kind.CONNECT, 90, 1, 14),
        links=links,
    )
    assert (returned_ms(known, 0, 30, 40), returned_ms(known, 1, 30, 40)) == (50, 90)
    assert known.disconnected_spans(100 * MS) == []


def timeline(*rows, phases=None):
    """Return the sessions of a run in which u2 connects (up), disconnects (down) and goes away.

    u1 is connected all the time; session 1 is that of u2.
    """
    run = SmallRun((1, 2))
    if phases is not None:
        run.story.phases = phases
    run.story.drop(run.story.at(Kind.CONNECT, link=2))
    link = 1
    for at_s, what in rows:
        if what == "up":
            link += 1
            run.connect(2, at_s, link=link)
        elif what == "down":
            run.disconnect(2, at_s, link=link)
        else:
            run.add(Kind.OFFLINE, at_s, link=link, peer=2)
    return run.history().sessions


AWAY = ((3, "up"), (10, "away"), (10, "down"), (15, "up"))
CUT_SHORT = {"ramp": 0}


@pytest.mark.parametrize(
    ("rows", "from_s", "to_s", "returned_s"),
    [
        # Before the first connection.
        (AWAY, 1, 2, 3),
        (AWAY, 3, 4, 3),
        (AWAY, 3 + NS, 9.999, None),
        # The time since the absence began is known to a millisecond.
        (AWAY, 5, 9.9999, None),
        (AWAY, 5, 10, 15),
        (AWAY, 12, 13, 15),
        (AWAY, 15, 20, 15),
        (AWAY, 15 + NS, 20, None),
        # The load reconnects those who are away when the quiesce begins, at 26 s.
        (((0, "up"), (10, "away")), 11, 12, 26),
        (((0, "up"), (27, "away")), 20, 28, 27),
        (((0, "up"), (0.001, "away")), 0.0001, 0.0005, None),
    ],
)
def test_a_receiver_returns_from_an_absence_that_overlaps(rows, from_s, to_s, returned_s):
    times_ns = (np.array([ns(at_s)]) for at_s in (from_s, to_s))
    (found,) = timeline(*rows).returned_ns(np.array([1]), *times_ns).tolist()
    assert found == (0 if returned_s is None else ns(returned_s))


def test_who_went_away_for_good_returns_only_in_a_quiesce():
    sessions = timeline((0, "up"), (10, "away"), phases=CUT_SHORT)
    both, from_ns = np.array([0, 1]), np.array([ns(11), ns(11)])
    assert sessions.returned_ns(both, from_ns, from_ns).tolist() == [0, NEVER]
    assert sessions.left_ns(both).tolist() == [NEVER, ns(10)]


def test_who_came_back_did_not_leave():
    assert timeline(*AWAY).left_ns(np.array([1, 0])).tolist() == [NEVER, NEVER]
    assert timeline((0, "up"), (27, "away")).left_ns(np.array([1])).tolist() == [ns(27)]


@pytest.mark.parametrize(
    ("rows", "until_s", "spans"),
    [
        (((0, "up"), (10, "down"), (12, "up")), 30, [(10, 12)]),
        (((0, "up"), (10, "down"), (12, "up"), (20, "down")), 30, [(10, 12), (20, 30)]),
        (((0, "up"), (10, "down"), (12, "up")), 11, [(10, 11)]),
        (((0, "up"), (10, "down"), (12, "up")), 10, []),
        (((0, "up"), (10, "down"), (10, "up")), 30, []),
        ((*AWAY, (15, "down"), (20, "up")), 30, [(15, 20)]),
        (AWAY, 30, []),
        (((0, "up"), (10, "down"), (11, "away"), (15, "up")), 30, [(10, 11)]),
        (((0, "up"), (10, "away"), (10, "down"), (15, "up"), (20, "down")), 30, [(20, 30)]),
    ],
)
def test_a_disconnection_lasts_until_the_return_or_an_absence(rows, until_s, spans):
    found = timeline(*rows).disconnected_spans(ns(until_s))
    assert found == [(ns(start), ns(end)) for start, end in spans]


@pytest.mark.parametrize(
    ("rows", "until_s", "spans"),
    [
        (((0, "up"), (10, "away"), (10, "down")), 30, [(26, 30)]),
        (((0, "up"), (10, "away"), (10, "down")), 26, []),
        # They only stopped reading, and their connection lasted until then.
        (((0, "up"), (10, "away"), (28, "down")), 30, [(28, 30)]),
        (((0, "up"), (10, "away")), 30, []),
        (AWAY, 30, []),
        # They came back, and lost their connection later: that is a disconnection.
        ((*AWAY, (20, "down")), 30, []),
    ],
)
def test_who_is_away_when_the_quiesce_begins_is_refused_from_then_on(rows, until_s, spans):
    found = timeline(*rows).refused_spans(ns(until_s))
    assert found == [(ns(start), ns(end)) for start, end in spans]


def spans_ms(known, session, from_ms, to_ms):
    """Return (begin, end) of the spans before absences, the last one first."""
    one = (np.array([each]) for each in (session, from_ms * MS, to_ms * MS))
    _, begins, ends = known.spans_before_absences(*one)
    return [(begin // MS, end // MS) for begin, end in zip(begins, ends, strict=True)]


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "spans"),
    [
        (12, 15, []),
        (12, 19, []),
        (12, 20, [(12, 20)]),
        (12, 30, [(12, 20)]),
        (25, 60, []),
        (12, 90, [(50, 70), (12, 20)]),
        (60, 90, [(60, 70)]),
        (5, 200, [(80, 100), (50, 70), (10, 20)]),
    ],
)
def test_a_user_waits_from_a_moment_until_they_go_away_and_after_each_return(from_ms, to_ms, spans):
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.OFFLINE, 20, 1, 0),
        (Kind.OFFLINE, 22, 1, 0),
        (Kind.CONNECT, 50, 1, 12),
        (Kind.OFFLINE, 70, 1, 0),
        (Kind.CONNECT, 80, 1, 11),
        (Kind.OFFLINE, 100, 1, 0),
    )
    assert spans_ms(known, 0, from_ms, to_ms) == spans


def test_a_user_who_goes_away_twice_waits_for_nothing_between_these_times():
    """Also if they come back at the very moment at which they go away again."""
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.OFFLINE, 20, 1, 0),
        (Kind.OFFLINE, 50, 1, 0),
        (Kind.CONNECT, 50, 1, 12),
    )
    assert spans_ms(known, 0, 5, 60) == [(10, 20)]


def test_a_user_who_goes_away_twice_and_for_good_left_at_the_last_time():
    known = sessions((Kind.CONNECT, 10, 1, 11), (Kind.OFFLINE, 20, 1, 0), (Kind.OFFLINE, 30, 1, 0))
    assert known.left_ns(np.array([0])).tolist() == [30 * MS]


def test_without_connections_there_are_no_spans_before_absences():
    assert spans_ms(sessions(), 0, 0, 10) == []


def test_a_client_moves_if_it_has_a_new_connection_before_it_closes_the_old_one():
    by_client, by_server = (1000, ClosedBy.CLIENT), (1000, ClosedBy.SERVER)
    rows = [
        # session, up, down, close code and who closed it, and whether it was replaced
        (0, 0, 10, *by_client, True),
        (0, 10, 20, *by_client, False),
        (0, 21, 30, *by_server, False),
        (0, 25, 33, 1006, ClosedBy.CLIENT, False),
        (0, 32, 40, *by_client, False),
        (1, 15, 19, 1000, 0, True),
        (1, 18, 30, *by_client, False),
    ]
    session, up, down, code, closed_by, moved = map(list, zip(*rows, strict=True))
    numbers = np.arange(len(rows))
    columns = (numbers, numbers, *map(np.array, (session, up, down, code, closed_by)))
    known = Connections(*columns)
    assert known.left.tolist() == [True, True, False, False, True, True, True]
    assert known.moved.tolist() == moved
    none = Connections(*(column[:0] for column in columns))
    assert none.moved.tolist() == []


def test_a_connection_has_the_end_that_is_recorded_if_any():
    run = SmallRun((1, 2))
    run.connect(2, 3, link=9)
    run.add(Kind.DISCONNECT, 5, link=1, peer=1, spare=1001, sseq=ClosedBy.SERVER)
    known = run.history().sessions.connections
    columns = (known.link, known.user, known.session, known.up_ns, known.down_ns)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (1, 1, 0, ns(0), ns(5)),
        (2, 2, 1, ns(0), NEVER),
        (9, 2, 1, ns(3), NEVER),
    ]
    assert known.close_code.tolist() == [1001, 0, 0]
    assert known.closed_by.tolist() == [ClosedBy.SERVER, 0, 0]


def test_without_a_connection_no_one_returns():
    assert returned_ms(sessions(), 0, 1, 2) == 0
    assert returned_ms(sessions((Kind.CONNECT, 10, 1, 11)), 0, 5, 15) == 10


def test_of_a_user_without_any_connection_no_session_was_away():
    known = sessions(*ABSENT, (Kind.OFFLINE, 15, 9, 0), quiesce_started_ms=100)
    both = np.array([0, 1])
    assert known.left_ns(both).tolist() == [20 * MS, NEVER]
    assert known.refused_spans(130 * MS) == []


def test_the_absences_of_others_explain_no_disconnection():
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.CONNECT, 10, 2, 21),
        (Kind.OFFLINE, 15, 2, 21),
        (Kind.DISCONNECT, 20, 1, 11),
        (Kind.CONNECT, 30, 1, 12),
    )
    assert known.disconnections(100 * MS) == [(0, 20 * MS, 30 * MS)]
    assert known.users_of(np.array([1, 0, 1])).tolist() == [2, 1, 2]


def test_a_record_without_a_connection_concerns_the_last_device_of_its_user():
    """Others concern the device of their connection, also that with the number 1."""
    links = {
        1: Connection(1, "d0", 1, "e", "b"),
        2: Connection(1, "d1", 1, "e", "b"),
    }
    connects = [(Kind.CONNECT, 10, 1, link) for link in (1, 2)]
    for link, left_ns in ((1, [20 * MS, NEVER]), (2, [NEVER, 20 * MS]), (0, [NEVER, 20 * MS])):
        known = sessions(*connects, (Kind.OFFLINE, 20, 1, link), links=links)
        assert known.left_ns(np.array([0, 1])).tolist() == left_ns
