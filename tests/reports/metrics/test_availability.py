"""Connections lost, users without one, and exits that nobody had earned."""

from types import SimpleNamespace

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Kind, RoomEvent
from gauntlet.core.scenario.model import Scenario, Target
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Connection, Names
from gauntlet.reports.history.events import Events
from gauntlet.reports.metrics import availability
from gauntlet.reports.metrics.windows import Window

S = 1_000_000_000
LINKS = {link: Connection(link // 10, "d0", link % 10, "edge", "blue") for link in (11, 12, 21, 22)}


def history(*rows, **server):
    """A history of (kind, second, user, link, spare or event) rows; arrivals from 0 to 100 s."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    for record, (kind, at_s, user, link, last) in zip(records, rows, strict=True):
        record["kind"], record["t_ns"], record["peer"] = kind, at_s * S, user
        record["link"] = link
        if kind == Kind.ROOM:
            record["sseq"], record["conv"], record["seq"] = last, 1, link
        elif kind == Kind.ATTEND:
            record["sseq"], record["conv"] = last, 1
        else:
            record["spare"] = last
    return SimpleNamespace(
        scenario=Scenario(version=1, name="x", about="x", target=Target(server=server)),
        events=Events({"steady": 0, "quiesce": 100 * S}, (), (), (), "", ""),
        records=records,
        sessions=Sessions(records, Names({}, {}, LINKS)),
    )


def window(start_s, end_s, *without):
    """A window of seconds, without those spans."""
    cut = tuple((from_s * S, to_s * S) for from_s, to_s in without)
    return Window("it", start_s * S, end_s * S, cut)


MOVED = (
    (Kind.CONNECT, 1, 1, 11, 0),
    (Kind.CONNECT, 10, 1, 12, 0),
    (Kind.DISCONNECT, 11, 1, 11, 1000),
)
CUT = (
    (Kind.CONNECT, 1, 2, 21, 0),
    (Kind.DISCONNECT, 20, 2, 21, 1006),
)


@pytest.mark.parametrize(
    ("span", "found"),
    [((0, 15), (0, 3)), ((0, 30), (1, 3)), ((20, 30), (1, 2)), ((21, 30), (0, 1))],
)
def test_what_a_client_closes_itself_is_not_lost(span, found):
    """A move ends with the client's own 1000; a cut connection is lost when it is noticed."""
    start_s, end_s = span
    assert availability.lost_connections(history(*MOVED, *CUT), window(start_s, end_s)) == found


def test_what_a_fault_took_is_not_the_steady_windows():
    """Neither a connection lost inside a span that is left out, nor a wait that began there."""
    known = history(*MOVED, *CUT)
    assert availability.lost_connections(known, window(0, 100, (20, 25))) == (0, 3)
    assert availability.lost_connections(known, window(0, 100, (0, 19), (21, 30))) == (1, 2)
    assert availability.lost_connections(known, window(0, 100, (0, 12))) == (1, 2)
    assert availability.longest_disconnection_ms(known, window(0, 100, (20, 25))) == (0.0, 2)
    told = history(*CUT, exited(22, 2))
    assert availability.spurious_exits(told, window(0, 100))[0] == 1
    assert availability.spurious_exits(told, window(0, 100, (20, 25)))[0] == 0


def test_nobody_who_follows_a_move_is_without_a_connection():
    """Make before break takes no time at all."""
    assert availability.longest_disconnection_ms(history(*MOVED), window(0, 100)) == (0.0, 1)


def test_a_cut_user_waits_until_the_arrivals_end():
    """The wait belongs to the span in which it began."""
    known = history(*MOVED, *CUT)
    assert availability.longest_disconnection_ms(known, window(0, 30)) == (80_000.0, 2)
    assert availability.longest_disconnection_ms(known, window(30, 100)) == (0.0, 2)


def exited(at_s, user, seq=5):
    """An `exited` that somebody is shown."""
    return (Kind.ROOM, at_s, user, seq, RoomEvent.EXITED)


@pytest.mark.parametrize(("at_s", "count"), [(25, 1), (29, 0), (60, 0)])
def test_an_exit_is_spurious_until_the_grace_is_over(at_s, count):
    """Cut off at 20 s with a grace of 10 s; the two ends may be a second apart."""
    found = availability.spurious_exits(history(*CUT, exited(at_s, 2)), window(0, 100))
    assert found == (count, 1)


def test_an_exit_counts_once_and_where_it_was_told_first():
    """Every member is shown it; a user who was there all the time has one spurious exit."""
    told = [exited(40, 1), exited(41, 1), (Kind.ROOM, 5, 1, 2, RoomEvent.ENTERED)]
    known = history(*MOVED, *told)
    assert availability.spurious_exits(known, window(0, 100)) == (1, 3)
    assert availability.spurious_exits(known, window(41, 100)) == (0, 3)


def test_a_shorter_grace_is_the_scenario_s():
    """What the server was told, the judge goes by."""
    known = history(*CUT, exited(25, 2), grace_ms=4000)
    assert availability.spurious_exits(known, window(0, 100)) == (0, 1)


def test_coming_back_in_time_earns_no_exit():
    """Away for three seconds, and there again when the exit is told."""
    back = (Kind.CONNECT, 23, 2, 22, 0)
    known = history(CUT[0], CUT[1], back, exited(60, 2))
    assert availability.spurious_exits(known, window(0, 100))[0] == 1


def asked(at_s, user):
    """A user exits the room on purpose."""
    return (Kind.ATTEND, at_s, user, 0, RoomEvent.EXITED)


def test_an_exit_that_was_asked_for_is_not_spurious():
    """Each excuses one exit that is told after it, of that user, and no other."""
    told = [exited(31, 1, 5), exited(40, 1, 7), exited(45, 1, 9)]
    assert availability.spurious_exits(history(*MOVED, *told), window(0, 100))[0] == 3
    known = history(*MOVED, asked(30, 1), asked(39, 1), *told)
    assert availability.spurious_exits(known, window(0, 100))[0] == 1
    known = history(*MOVED, asked(30, 2), asked(50, 1), *told)
    assert availability.spurious_exits(known, window(0, 100))[0] == 3
