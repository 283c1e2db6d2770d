"""Exits that were requested and that the room does not have."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import NS, SmallRun, sentences

ENTERED, EXITED, REMOVED = RoomEvent.ENTERED, RoomEvent.EXITED, RoomEvent.REMOVED
# A connection that is lost holds a stay for 1 s of grace after a lease of 3 s.
SERVER = {"ping_ms": 1000, "grace_ms": 1000}
TARGET = {"adapter": "reference", "stack": "embedded", "server": SERVER}


def room(*events):
    """Return a run in which u2 has events of (time, event) at the positions from 1 on."""
    run = SmallRun((1, 2, 3), target=TARGET)
    for seq, (at_s, event) in enumerate(events, 1):
        known = {"conv": 1, "peer": 2, "sseq": event, "seq": seq}
        for member in (1, 2, 3):
            run.add(Kind.ROOM, at_s, **known, link=member)
        run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT | Flag.ROOM_EVENT)
    run.add(Kind.HEAD, 33, conv=1, seq=len(events))
    return run


def ask(run, at_s, link=2):
    """Let u2 ask to leave on a connection."""
    run.add(Kind.ATTEND, at_s, conv=1, link=link, peer=2, sseq=EXITED)


def missing(run):
    """Return at which positions the stays began that have no end, as the check says."""
    start, end = (
        "u2 exited c1, which they had entered at position ",
        "; the room has no event `exited` of them.",
    )
    found = sentences(run.verdict("exit"))
    return [
        int(sentence.removeprefix(start).removesuffix(end))
        for sentence in found
        if sentence.startswith(start) and sentence.endswith(end)
    ]


@pytest.mark.parametrize(
    ("asked_s", "expected"),
    [
        # The stay began at 5 s, and the audit read the head at 33 s, after 5 s for the report.
        (5, []),
        (5 + NS, [1]),
        (20, [1]),
        (28, [1]),
        (28 + NS, []),
    ],
)
def test_an_exit_that_was_requested_is_in_the_room(asked_s, expected):
    run = room((5, ENTERED))
    ask(run, asked_s)
    assert missing(run) == expected
    assert [witness.user for witness in run.verdict("exit").witnesses] == [2] * len(expected)


def test_without_a_request_nothing_is_missing():
    assert missing(room((5, ENTERED))) == []


@pytest.mark.parametrize("event", [EXITED, REMOVED])
def test_a_stay_that_has_ended_is_not_missing_its_end(event):
    run = room((5, ENTERED), (21, event))
    ask(run, 20)
    assert missing(run) == []


@pytest.mark.parametrize(
    ("asked_s", "expected"), [(20, [1]), (22 - NS, [1]), (22, []), (22 + NS, [2])]
)
def test_a_request_belongs_to_the_stay_during_which_it_was_made(asked_s, expected):
    run = room((5, ENTERED), (22, ENTERED))
    ask(run, asked_s)
    assert missing(run) == expected


def test_a_stay_that_has_ended_is_followed_by_another_one():
    run = room((5, ENTERED), (8, EXITED), (12, ENTERED))
    ask(run, 7)
    assert missing(run) == []
    ask(run, 14)
    assert missing(run) == [3]


def test_nothing_is_missing_where_the_room_is_not_known_completely():
    run = room((5, ENTERED))
    ask(run, 20)
    (head,) = run.story.at(Kind.HEAD)
    run.story.change(head, seq=2)
    assert missing(run) == []
    run.deliver(1, 2, 12, 3)
    assert missing(run) == [1]


@pytest.mark.parametrize(
    ("links", "expected"), [((2,), []), ((12,), []), ((2, 12), [1]), ((2, 12, 22), [1])]
)
def test_a_user_leaves_on_all_of_their_connections(links, expected):
    """The third one was established after the last request, at 20 s."""
    run = room((5, ENTERED))
    run.connect(2, 4, link=12, device="d1")
    run.connect(2, 20 + NS, link=22, device="d2")
    for link in links[:2]:
        ask(run, 20, link)
    assert missing(run) == expected


@pytest.mark.parametrize(
    ("down_s", "expected"), [(11 - NS, [1]), (11, []), (15, []), (25, []), (25 + NS, [1])]
)
def test_a_connection_that_was_lost_may_hold_the_stay(down_s, expected):
    """From the grace period and a lease before the request until 5 s after it."""
    run = room((5, ENTERED))
    link = 2 if down_s > 20 else 12
    run.connect(2, 1, link=12, device="d1")
    run.disconnect(2, down_s, link=link)
    ask(run, 20)
    if link == 2:
        ask(run, 20, 12)
    assert missing(run) == expected


@pytest.mark.parametrize(
    ("asked_s", "down_s", "code", "expected"),
    [
        (20, 20 + NS, 1000, [1]),
        (20, 24, 1000, [1]),
        # Lost, so that the request may have been lost with it.
        (20, 24, 1006, []),
        (20, 20 + NS, 1012, []),
    ],
)
def test_a_connection_that_was_closed_after_the_request_brought_it(asked_s, down_s, code, expected):
    """As that of a user who exits all rooms, and closes the app."""
    run = room((5, ENTERED))
    ask(run, asked_s)
    run.add(Kind.DISCONNECT, down_s, link=2, peer=2, spare=code)
    assert missing(run) == expected


def test_another_connection_that_was_closed_before_holds_the_stay():
    run = room((5, ENTERED))
    run.connect(2, 1, link=12, device="d1")
    run.add(Kind.DISCONNECT, 19, link=12, peer=2, spare=1000)
    ask(run, 20)
    assert missing(run) == []


@pytest.mark.parametrize(("closed_s", "expected"), [(19 - NS, []), (19, [1]), (19 + NS, [1])])
def test_each_connection_that_was_closed_brought_its_own_request(closed_s, expected):
    run = room((5, ENTERED))
    run.connect(2, 1, link=12, device="d1")
    run.add(Kind.DISCONNECT, closed_s, link=12, peer=2, spare=1000)
    ask(run, 19, 12)
    ask(run, 20)
    assert missing(run) == expected


@pytest.mark.parametrize(
    ("effective_s", "healed_s", "expected"),
    [
        # A fault gives the server until 10 s after its heal.
        (21, 22, [1]),
        (21, 23, [1]),
        (21, 23 + NS, []),
        (21, None, []),
        (8, 9.5, [1]),
        # A fault that began after the server must have reported the exit is no excuse.
        (25, 26, []),
        (25 + NS, 26, [1]),
    ],
)
def test_after_a_fault_the_server_has_more_time(effective_s, healed_s, expected):
    run = room((5, ENTERED))
    run.fault(effective_s, healed_s)
    ask(run, 20)
    assert missing(run) == expected


@pytest.mark.parametrize(("faults", "expected"), [([(11, 18)], [1]), ([(26, 26.5), (11, 18)], [])])
def test_a_fault_that_begins_in_the_time_after_another_one_prolongs_it(faults, expected):
    """The second one acts from 26 s on, and the first one gives the server until 28 s."""
    run = room((5, ENTERED))
    for effective_s, healed_s in faults:
        run.fault(effective_s, healed_s)
    ask(run, 20)
    assert missing(run) == expected
