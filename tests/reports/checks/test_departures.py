"""When users may have left a room: by a request, or because they had no connection."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent
from gauntlet.reports.checks._departures import Departures, Link, Request, last_pushes_of
from gauntlet.reports.history.arrays import NEVER

from ..small_runs import NS, SmallRun, ns

# Absences count from the grace period of 4 s, less a second for their detection.
SERVER = {"ping_ms": 2000, "grace_ms": 4000}
TARGET = {"adapter": "reference", "stack": "embedded", "server": SERVER}
CLOSED, LOST = 1000, 1006


def room(target=TARGET, members=(1, 2)):
    return SmallRun(members, members, target=target)


def ask(run, at_s, *, conv=1, user=2, link=2, event=RoomEvent.EXITED):
    """Let a user ask to leave a room."""
    run.add(Kind.ATTEND, at_s, conv=conv, link=link, peer=user, sseq=event)


def end(run, at_s, code, link=2):
    """Let a connection of user 2 end."""
    run.add(Kind.DISCONNECT, at_s, link=link, peer=2, spare=code)


def causes(run, conv=1):
    return Departures(run.history()).causes_ns(conv, 2)


@pytest.mark.parametrize(
    ("target", "grace_s", "lease_s"),
    [
        ({"adapter": "reference", "stack": "embedded"}, 10, 30),
        (TARGET, 4, 6),
        (TARGET | {"server": {"grace_ms": 1}}, 0.001, 30),
        # The times of a system that others run are not known.
        ({"stack": "external", "url": ["ws://127.0.0.1:9"]}, 0, 0),
    ],
)
def test_the_server_waits_for_the_grace_period_after_a_lease_of_three_pings(
    target, grace_s, lease_s
):
    known = Departures(room(target).history())
    assert (known.grace_ns, known.lease_ns) == (grace_s * 10**9, lease_s * 10**9)


def test_requests_to_exit_are_known_in_their_order():
    run = room()
    ask(run, 12, link=2)
    ask(run, 9, link=2)
    ask(run, 8, event=RoomEvent.ENTERED)
    ask(run, 7, conv=2)
    ask(run, 6, user=1, link=1)
    known = Departures(run.history()).requests
    assert known == {
        (1, 2): [Request(ns(9), 2), Request(ns(12), 2)],
        (2, 2): [Request(ns(7), 2)],
        (1, 1): [Request(ns(6), 1)],
    }


@pytest.mark.parametrize(
    ("code", "faulty", "pushed_s", "alive_s"),
    [
        # Both ends notice at once if the client closes its connection.
        (CLOSED, False, None, 20),
        (CLOSED, False, 15, 20),
        (LOST, False, 15, 15),
        (LOST, False, None, 0),
        # While a fault acts, even the close may come late.
        (CLOSED, True, 15, 15),
        (CLOSED, True, None, 0),
        (LOST, True, 15, 15),
        # A push that was held is presented after the end.
        (LOST, False, 21, 20),
    ],
)
def test_a_connection_is_surely_alive_until_its_last_push_or_its_close(
    code, faulty, pushed_s, alive_s
):
    run = room()
    if faulty:
        run.fault(2, 3)
    if pushed_s:
        run.deliver(1, 1, 1, 2)
        run.deliver(1, 1, pushed_s, 2)
    end(run, 20, code)
    known = Departures(run.history())
    assert known.links[2] == [Link(2, ns(0), ns(alive_s), ns(20))]
    assert known.closed == ({2} if code == CLOSED else set())
    assert known.links[1] == [Link(1, ns(0), NEVER, NEVER)]


@pytest.mark.parametrize(
    ("effective_s", "alive_s"), [((None,), 20), ((None, 2), 0), ((2, None), 0)]
)
def test_only_faults_that_acted_disturb_a_connection(effective_s, alive_s):
    run = room()
    for at_s in effective_s:
        run.fault(at_s, None)
    end(run, 20, CLOSED)
    assert Departures(run.history()).links[2][0].alive_ns == ns(alive_s)


@pytest.mark.parametrize(
    ("kind", "flags", "is_push"),
    [
        *(
            (kind, Channel.LIVE, True)
            for kind in (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.GAP, Kind.ARRIVED)
        ),
        (Kind.DELIVER, Channel.LIVE | Flag.FOREIGN, True),
        (Kind.DELIVER, Channel.RESYNC, False),
        (Kind.RECEIVE, Channel.HISTORY, False),
        (Kind.ACK, Channel.LIVE, False),
    ],
)
def test_pushes_and_the_answer_to_connect_show_that_a_connection_is_alive(kind, flags, is_push):
    run = room()
    run.add(kind, 9, conv=1, link=2, peer=1, sseq=1, seq=1, flags=flags)
    run.add(kind, 8, conv=1, link=2, peer=1, sseq=2, seq=2, flags=flags)
    found = last_pushes_of(run.history().records)
    assert found.link.tolist() == [1, 2]
    assert found.t_ns.tolist() == [ns(0), ns(9 if is_push else 0)]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([(0, 10)], [13]),
        ([(0, 10), (13, None)], [13]),
        ([(0, 10), (13 - NS, None)], []),
        ([(0, 10), (15, 18), (22, 25)], [13, 21, 28]),
        # Another connection holds the stay.
        ([(0, 20), (5, 10), (16, None)], []),
        ([(0, 20), (5, 10), (24, None)], [23]),
        ([(0, None), (5, 10), (24, 25)], []),
    ],
)
def test_a_time_without_a_connection_as_long_as_the_grace_period_is_a_departure(spans, expected):
    run = room(members=(1, 2) if spans else (1,))
    for number, (up_s, down_s) in reversed([*enumerate(spans)]):
        link = 2 + 10 * number
        if number:
            run.connect(2, up_s, link=link)
        if down_s:
            end(run, down_s, CLOSED, link)
    assert causes(run) == [ns(at_s) for at_s in expected]


def test_a_grace_period_shorter_than_its_detection_makes_each_gap_a_departure():
    run = room(TARGET | {"server": {"grace_ms": 500}})
    end(run, 10, CLOSED)
    run.connect(2, 10, link=12)
    assert causes(run) == [ns(10)]


def test_requests_and_absences_are_sorted_together_for_each_room():
    run = room()
    end(run, 10, CLOSED)
    run.connect(2, 20, link=12)
    for at_s in (25, 11):
        ask(run, at_s, link=12)
    ask(run, 15, conv=2, link=12)
    known = Departures(run.history())
    assert known.causes_ns(1, 2) == [ns(11), ns(13), ns(25)]
    assert known.causes_ns(2, 2) == [ns(13), ns(15)]
    # Those who read the list may remove what explained an exit.
    known.causes_ns(1, 2).clear()
    assert known.causes_ns(1, 2) == [ns(11), ns(13), ns(25)]
