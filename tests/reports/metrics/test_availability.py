"""Lost connections, users without a connection, and spurious exits from rooms."""

from types import SimpleNamespace

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, RECORDED, ClosedBy, Kind, RoomEvent
from gauntlet.core.scenario.model import Scenario, Target
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Connection, Names
from gauntlet.reports.history.events import Events
from gauntlet.reports.metrics import availability
from gauntlet.reports.metrics.windows import Window

S = 1_000_000_000
LINKS = {link: Connection(link // 10, "d0", link % 10, "edge", "blue") for link in (11, 12, 21, 22)}


def history(*rows, adapter="reference", **server):
    """Return a history of (kind, second, user, link, code or event); arrivals last 100 s."""
    records = np.zeros(len(rows), dtype=np.dtype(DTYPE))
    for record, (kind, at_s, user, link, last) in zip(records, rows, strict=True):
        record["kind"], record["t_ns"], record["peer"] = kind, at_s * S, user
        record["link"] = link
        if kind == Kind.ROOM:
            record["sseq"], record["conv"], record["seq"] = last, 1, link
        elif kind == Kind.ATTEND:
            record["sseq"], record["conv"] = last, 1
        elif isinstance(last, tuple):  # (code, who closed it)
            record["spare"], record["sseq"] = last
        else:
            record["spare"] = last
    return SimpleNamespace(
        scenario=Scenario(
            version=1, name="x", about="x", target=Target(adapter=adapter, server=server)
        ),
        events=Events({"steady": 0, "quiesce": 100 * S}, (), (), (), "", ""),
        records=records,
        sessions=Sessions(records, Names({}, {}, LINKS)),
    )


def window(start_s, end_s, *without):
    """Return a window of seconds without those spans."""
    excluded = tuple((from_s * S, to_s * S) for from_s, to_s in without)
    return Window("window", start_s * S, end_s * S, excluded)


MOVE = (
    (Kind.CONNECT, 1, 1, 11, 0),
    (Kind.CONNECT, 10, 1, 12, 0),
    (Kind.DISCONNECT, 11, 1, 11, 1000),
)
LOSS = (
    (Kind.CONNECT, 1, 2, 21, 0),
    (Kind.DISCONNECT, 20, 2, 21, 1006),
)


@pytest.mark.parametrize(
    ("span", "found"),
    [((0, 15), (0, 3)), ((0, 30), (1, 3)), ((20, 30), (1, 2)), ((21, 30), (0, 1))],
)
def test_a_connection_that_its_client_closed_is_not_lost(span, found):
    """A client that moves closes its old connection with code 1000."""
    start_s, end_s = span
    assert availability.lost_connections(history(*MOVE, *LOSS), window(start_s, end_s)) == found


@pytest.mark.parametrize(
    ("end", "count"),
    [
        ((1000, ClosedBy.SERVER), 1),  # the client had not asked for that
        ((1001, ClosedBy.SERVER), 1),
        ((1006, ClosedBy.SERVER), 1),
        ((4009, ClosedBy.CLIENT), 1),  # it heard nothing any more
        ((1000, ClosedBy.CLIENT), 0),
        ((1000, 0), 0),  # older runs do not say who closed a connection
    ],
)
def test_what_the_server_closes_is_lost_with_every_code(end, count):
    known = history((Kind.CONNECT, 1, 2, 21, 0), (Kind.DISCONNECT, 20, 2, 21, end))
    assert availability.lost_connections(known, window(0, 100)) == (count, 1)


def test_a_user_who_is_away_on_purpose_loses_no_connection():
    """They read nothing, until the server closed the connection."""
    away = (Kind.OFFLINE, 10, 2, 21, 0)
    known = history(*LOSS, away, (Kind.CONNECT, 30, 2, 22, 0))
    assert availability.lost_connections(known, window(0, 100)) == (0, 2)
    back = (Kind.CONNECT, 12, 2, 22, 0)
    later = (Kind.DISCONNECT, 40, 2, 22, (4008, ClosedBy.SERVER))
    known = history(*LOSS, away, back, later)
    assert availability.lost_connections(known, window(30, 100)) == (1, 1)


def test_an_imported_history_reports_its_ends_although_all_are_absences():
    known = history(*LOSS, (Kind.OFFLINE, 20, 2, 21, 0), adapter=RECORDED)
    assert availability.lost_connections(known, window(0, 100)) == (1, 1)
    assert not availability.unwanted_ends(known).any()


@pytest.mark.parametrize(
    ("adapter", "code", "count"),
    [("reference", 4009, 0), ("reference", 1006, 1), ("mqtt", 1006, 0), ("mqtt", 4009, 0)],
)
def test_a_machine_at_its_limit_may_explain_silence(adapter, code, count):
    """How other systems end a silent connection is not known."""
    end = (Kind.DISCONNECT, 20, 2, 21, (code, ClosedBy.SERVER))
    known = history((Kind.CONNECT, 1, 2, 21, 0), end, adapter=adapter)
    assert availability.lost_connections(known, window(0, 100))[0] == 1
    assert availability.surely_lost_connections(known, window(0, 100)) == count


def test_connections_that_new_ones_replaced_are_counted():
    """A client that leaves and comes back later has replaced nothing."""
    known = history(*MOVE, *LOSS)
    assert availability.moved_connections(known, window(0, 100)) == (1, 3)
    assert availability.moved_connections(known, window(0, 100, (10, 12))) == (0, 3)
    left = ((Kind.DISCONNECT, 9, 1, 11, 1000), *MOVE[:2])
    assert availability.moved_connections(history(*left), window(0, 100)) == (0, 2)


@pytest.mark.parametrize(
    ("span", "seconds"), [((0, 90), 10 + 80 + 19), ((5, 15), 6 + 5 + 10), ((0, 0), 0)]
)
def test_the_time_of_connections_is_added_up_in_the_window(span, seconds):
    """One lasts from 1 s to 11 s, one from 10 s on, and one from 1 s to 20 s."""
    known = history(*MOVE, *LOSS)
    known.events.phases["audit"] = 90 * S
    minutes = availability.connection_minutes(known, window(*span))
    assert minutes == pytest.approx(seconds / 60)


def test_losses_in_excluded_spans_do_not_count():
    """Neither a connection that was lost there nor a disconnection that began there."""
    known = history(*MOVE, *LOSS)
    assert availability.lost_connections(known, window(0, 100, (20, 25))) == (0, 3)
    assert availability.lost_connections(known, window(0, 100, (0, 19), (21, 30))) == (1, 2)
    assert availability.lost_connections(known, window(0, 100, (0, 12))) == (1, 2)
    assert availability.longest_disconnection_ms(known, window(0, 100, (20, 25))) == (0.0, 2)
    reports = history(*LOSS, exited(22, 2))
    assert availability.spurious_exits(reports, window(0, 100))[0] == 1
    assert availability.spurious_exits(reports, window(0, 100, (20, 25)))[0] == 0


def test_a_user_who_moves_is_never_disconnected():
    """The new connection opens before the old one closes."""
    assert availability.longest_disconnection_ms(history(*MOVE), window(0, 100)) == (0.0, 1)


def test_a_disconnection_lasts_until_the_arrivals_end():
    """It counts in the window in which it began."""
    known = history(*MOVE, *LOSS)
    assert availability.longest_disconnection_ms(known, window(0, 30)) == (80_000.0, 2)
    assert availability.longest_disconnection_ms(known, window(30, 100)) == (0.0, 2)


def exited(at_s, user, seq=5):
    """Return an `exited` event that a member receives."""
    return (Kind.ROOM, at_s, user, seq, RoomEvent.EXITED)


@pytest.mark.parametrize(("at_s", "count"), [(25, 1), (29, 0), (60, 0)])
def test_an_exit_is_spurious_before_the_grace_period_is_over(at_s, count):
    """Disconnected at 20 s, with a grace period of 10 s; the two ends may differ by a second."""
    found = availability.spurious_exits(history(*LOSS, exited(at_s, 2)), window(0, 100))
    assert found == (count, 1)


def test_an_exit_counts_once_at_its_first_report():
    """Every member receives it; this user was connected all the time."""
    reports = [exited(40, 1), exited(41, 1), (Kind.ROOM, 5, 1, 2, RoomEvent.ENTERED)]
    known = history(*MOVE, *reports)
    assert availability.spurious_exits(known, window(0, 100)) == (1, 3)
    assert availability.spurious_exits(known, window(41, 100)) == (0, 3)


def test_the_grace_period_is_that_of_the_scenario():
    known = history(*LOSS, exited(25, 2), grace_ms=4000)
    assert availability.spurious_exits(known, window(0, 100)) == (0, 1)


def test_an_exit_of_a_user_who_returned_in_time_is_spurious():
    back = (Kind.CONNECT, 23, 2, 22, 0)
    known = history(LOSS[0], LOSS[1], back, exited(60, 2))
    assert availability.spurious_exits(known, window(0, 100))[0] == 1


def requested(at_s, user):
    """Return a request of a user to exit the room."""
    return (Kind.ATTEND, at_s, user, 0, RoomEvent.EXITED)


def test_an_exit_that_its_user_requested_is_not_spurious():
    """A request explains one exit of the same user that is reported after it."""
    reports = [exited(31, 1, 5), exited(40, 1, 7), exited(45, 1, 9)]
    assert availability.spurious_exits(history(*MOVE, *reports), window(0, 100))[0] == 3
    known = history(*MOVE, requested(30, 1), requested(39, 1), *reports)
    assert availability.spurious_exits(known, window(0, 100))[0] == 1
    known = history(*MOVE, requested(30, 2), requested(50, 1), *reports)
    assert availability.spurious_exits(known, window(0, 100))[0] == 3
