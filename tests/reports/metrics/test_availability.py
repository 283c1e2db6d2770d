"""Lost connections, users without a connection, and spurious exits from rooms."""

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
    """Return a history of (kind, second, user, link, code or event); arrivals last 100 s."""
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
