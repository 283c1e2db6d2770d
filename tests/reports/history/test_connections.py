"""Connections, absences, and who was cut off."""

import numpy as np

from gauntlet.core.history import DTYPE, Kind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Connection, Names

MS = 1_000_000
LINKS = {link: Connection(link // 10, "d0", link % 10, "edge", "blue") for link in (11, 12, 13, 21)}


def sessions(*rows, links=LINKS, called_back_ms=None):
    """Sessions of (kind, ms, user, link); close codes are 1006."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    for at, (kind, t_ms, user, link) in enumerate(rows):
        records[at]["kind"], records[at]["t_ns"] = kind, t_ms * MS
        records[at]["peer"], records[at]["link"], records[at]["spare"] = user, link, 1006
    quiesce_started_ns = NEVER if called_back_ms is None else called_back_ms * MS
    return Sessions(records, Names({}, {}, links), quiesce_started_ns)


def back(known, session, from_ms, to_ms):
    """`returned_ns` of one delivery, in milliseconds."""
    asked = [np.array([value], dtype=np.int64) for value in (session, from_ms * MS, to_ms * MS)]
    (found,) = known.returned_ns(*asked)
    return found if found in (0, NEVER) else found // MS


def test_a_lost_connection_cuts_off_until_the_next():
    """Between two connections of one session, and after the last one."""
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.DISCONNECT, 20, 1, 11),
        (Kind.CONNECT, 30, 1, 12),
        (Kind.DISCONNECT, 90, 1, 12),
    )
    assert known.disconnected_spans(100 * MS) == [(20 * MS, 30 * MS), (90 * MS, 100 * MS)]
    assert known.disconnected_spans(25 * MS) == [(20 * MS, 25 * MS)]
    assert known.connections.close_code.tolist() == [1006, 1006]


def test_make_before_break_cuts_nobody_off():
    """The new connection is up before the old one ends."""
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.CONNECT, 19, 1, 12),
        (Kind.DISCONNECT, 20, 1, 11),
        (Kind.CONNECT, 10, 2, 21),
    )
    assert known.disconnected_spans(100 * MS) == []


def test_being_away_on_purpose_is_not_being_cut_off():
    """OFFLINE ends the wait for a connection, until the user comes back by himself."""
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.OFFLINE, 20, 1, 0),
        (Kind.DISCONNECT, 21, 1, 11),
        (Kind.CONNECT, 50, 1, 12),
        (Kind.DISCONNECT, 60, 1, 12),
        (Kind.OFFLINE, 70, 1, 0),
    )
    assert known.disconnected_spans(100 * MS) == [(60 * MS, 70 * MS)]


def test_when_a_receiver_came_back():
    """A wait that overlaps an absence counts from the return; the first connection is one."""
    known = sessions(
        (Kind.CONNECT, 10, 1, 11),
        (Kind.OFFLINE, 20, 1, 0),
        (Kind.DISCONNECT, 21, 1, 11),
        (Kind.CONNECT, 50, 1, 12),
        (Kind.OFFLINE, 80, 1, 0),
    )
    assert back(known, 0, 5, 15) == 10
    assert back(known, 0, 12, 15) == 0
    assert back(known, 0, 15, 55) == 50
    assert back(known, 0, 30, 55) == 50
    assert back(known, 0, 60, 70) == 0
    assert back(known, 0, 75, 200) == NEVER
    assert back(known, 1, 0, 100) == 0


GONE = (
    (Kind.CONNECT, 10, 1, 11),
    (Kind.OFFLINE, 20, 1, 11),
    (Kind.CONNECT, 10, 2, 21),
)


def test_who_was_called_back_and_has_no_connection_is_kept_out():
    """His absence ends with the call; without one it lasts, and nobody is kept out."""
    known = sessions(*GONE, (Kind.DISCONNECT, 21, 1, 11), called_back_ms=100)
    assert (back(known, 0, 50, 200), back(known, 0, 150, 200)) == (100, 0)
    assert known.refused_spans(130 * MS) == [(100 * MS, 130 * MS)]
    assert known.disconnected_spans(100 * MS) == []
    assert known.refused_spans(90 * MS) == []
    assert sessions(*GONE, (Kind.DISCONNECT, 21, 1, 11)).refused_spans(130 * MS) == []


def test_who_only_did_not_read_has_his_connection_while_it_lasts():
    """A frozen app that wakes when it is called is connected, until that connection ends."""
    assert sessions(*GONE, called_back_ms=100).refused_spans(130 * MS) == []
    known = sessions(*GONE, (Kind.DISCONNECT, 110, 1, 11), called_back_ms=100)
    assert known.refused_spans(130 * MS) == [(110 * MS, 130 * MS)]
    assert back(known, 0, 50, 200) == 100


def test_who_comes_when_he_is_called_is_away_until_then():
    """His return is his connection, not the call."""
    late = (Kind.CONNECT, 120, 1, 12)
    known = sessions(*GONE, (Kind.DISCONNECT, 21, 1, 11), late, called_back_ms=100)
    assert back(known, 0, 50, 200) == 120
    assert known.refused_spans(130 * MS) == []


def test_only_those_who_connected_are_watching():
    """Nothing is expected of a user who never connected."""
    known = sessions((Kind.CONNECT, 10, 1, 11), (Kind.OFFLINE, 5, 2, 0))
    assert [(int(key) >> 32, int(key) & 0xFFFF) for key in known.user_sessions] == [(1, 0)]


def test_devices_go_and_come_each_for_itself():
    """A return is that of the device; records that name no link are of the only one."""
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
    assert (back(known, 0, 30, 40), back(known, 1, 30, 40)) == (50, 90)
    assert known.disconnected_spans(100 * MS) == []
