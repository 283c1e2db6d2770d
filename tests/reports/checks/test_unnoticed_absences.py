"""Stays of users who went away, and had no connection for so long that the server must know it."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import NS, SmallRun, sentences

ENTERED, EXITED, REMOVED = RoomEvent.ENTERED, RoomEvent.EXITED, RoomEvent.REMOVED
# With a grace period of 1 s and leases of 3 s, the server must know it after 1 + 2 * 3 + 5 s.
SERVER = {"ping_ms": 1000, "grace_ms": 1000}
TARGET = {"adapter": "reference", "stack": "embedded", "server": SERVER}
START = "u2 entered c1 at position 1 and closed their last connection at 10 s; "
END = ", although the grace period had ended long before."
MISSING = f"{START}the room has no event `exited` of them{END}"


class Room(SmallRun):
    """A room that u2 enters at 3 s and leaves at 10 s by closing the app."""

    def __init__(self, *, code=1000, away_s=10.0, returns_s=24.0, **scenario):
        super().__init__((1, 2, 3), **{"target": TARGET, **scenario})
        self.head = 0
        self.event(ENTERED, 3)
        if away_s is not None:
            self.add(Kind.OFFLINE, away_s, link=2, peer=2)
        self.add(Kind.DISCONNECT, 10, link=2, peer=2, spare=code)
        if returns_s is not None:
            self.connect(2, returns_s, link=12)

    def event(self, event, at_s):
        """Let the room have an event of u2 at the next position."""
        self.head += 1
        known = {"conv": 1, "peer": 2, "sseq": event, "seq": self.head}
        self.add(Kind.ROOM, at_s, **known, link=1)
        self.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT | Flag.ROOM_EVENT)

    def message(self, at_s):
        """Let u1 send a message, which takes the next position."""
        self.head += 1
        self.send(1, self.head, at_s)
        self.deliver(1, self.head, at_s + 0.1, 1)
        self.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=self.head, seq=self.head,
                 flags=Channel.AUDIT)  # fmt: skip

    def found(self, head_s=33.0):
        """Return what the check says of absences."""
        self.add(Kind.HEAD, head_s, conv=1, seq=self.head)
        said = sentences(self.verdict("exit"))
        return [sentence for sentence in said if "last connection" in sentence]


def test_who_goes_away_is_exited():
    room = Room()
    room.message(25)
    assert room.found() == [MISSING]
    (witness,) = room.verdict("exit").witnesses
    assert (witness.user, len(witness.records)) == (2, 1)


@pytest.mark.parametrize("event", [EXITED, REMOVED])
def test_an_exit_in_time_is_none_that_is_missing(event):
    room = Room()
    room.event(event, 21)
    room.message(25)
    assert room.found() == []


@pytest.mark.parametrize(
    ("sent_s", "is_late"), [(22.0, False), (22 + NS, True), (22.5, True), (21, False)]
)
def test_an_exit_is_late_behind_a_message_that_was_sent_when_it_was_due(sent_s, is_late):
    room = Room()
    room.message(sent_s)
    room.event(EXITED, 24)
    late = f"{START}the room has their end only at position 3{END}"
    assert room.found() == [late] * is_late


@pytest.mark.parametrize(
    ("returns_s", "count"), [(22 + NS, 0), (22 + 2 * NS, 1), (22.5, 1), (None, 1)]
)
def test_who_returns_in_time_need_not_be_exited(returns_s, count):
    """The end is due at 22 s, and the dial of the connection counts."""
    room = Room(returns_s=returns_s)
    room.message(25)
    assert len(room.found()) == count


@pytest.mark.parametrize(("head_s", "count"), [(22 - NS, 0), (22, 1)])
def test_without_a_later_message_the_head_of_the_audit_shows_that_nothing_came(head_s, count):
    assert len(Room(returns_s=None).found(head_s)) == count


@pytest.mark.parametrize(
    "changed",
    [
        {"code": 1006},
        {"away_s": None},
        {"target": {**TARGET, "stack": "external", "url": ["ws://127.0.0.1:9"]}},
    ],
)
def test_an_end_that_the_server_may_not_know_of_is_not_judged(changed):
    room = Room(**changed)
    room.message(25)
    assert room.found() == []


@pytest.mark.parametrize(("healed_s", "count"), [(12, 0), (None, 0), (4.9, 1)])
def test_a_fault_during_the_absence_excuses_the_server(healed_s, count):
    room = Room()
    room.message(25)
    room.fault(4, healed_s)
    assert len(room.found()) == count


def test_another_device_holds_the_stay():
    room = Room(returns_s=None)
    room.connect(2, 1, link=22, device="d1")
    room.message(25)
    assert room.found() == []


@pytest.mark.parametrize(("entered_s", "is_judged"), [(5, True), (5 + NS, False)])
def test_a_stay_that_began_when_the_user_went_away_is_not_judged(entered_s, is_judged):
    """The request to enter and the end of the connection may have crossed."""
    room = SmallRun((1, 2, 3), target=TARGET)
    known = {"conv": 1, "peer": 2, "sseq": ENTERED, "seq": 1}
    room.add(Kind.ROOM, entered_s, **known, link=1)
    room.add(Kind.OFFLINE, 10, link=2, peer=2)
    room.add(Kind.DISCONNECT, 10, link=2, peer=2, spare=1000)
    room.add(Kind.HEAD, 33, conv=1, seq=1)
    assert sentences(room.verdict("exit")) == [MISSING] * is_judged


def test_nothing_is_said_of_a_room_with_an_unknown_position():
    room = Room()
    room.head += 1
    room.message(25)
    assert room.found() == []


def test_who_was_only_added_and_goes_away_has_no_stay():
    """They never entered the room, which another user did."""
    run = SmallRun((1, 2, 3), target=TARGET)
    for user, event, seq in ((2, RoomEvent.ADDED, 1), (3, ENTERED, 2)):
        run.add(Kind.ROOM, 3, conv=1, link=1, peer=user, sseq=event, seq=seq)
    run.add(Kind.OFFLINE, 10, link=2, peer=2)
    run.add(Kind.DISCONNECT, 10, link=2, peer=2, spare=1000)
    run.add(Kind.HEAD, 33, conv=1, seq=2)
    found = run.verdict("exit")
    assert (found.outcome, found.count, found.examined) == ("valid", 0, 1)


def test_who_had_left_before_they_went_away_has_no_stay():
    room = Room()
    room.event(EXITED, 4)
    room.message(25)
    assert room.found() == []


def test_the_end_of_a_stay_is_the_event_that_follows():
    room = Room()
    room.event(EXITED, 4)
    room.event(ENTERED, 4.5)
    room.message(23)
    room.event(EXITED, 24)
    (sentence,) = room.found()
    assert "at position 3 and closed" in sentence
    assert "only at position 5" in sentence


def test_an_entry_long_after_the_absence_is_a_second_one_too():
    room = Room()
    room.message(23)
    room.event(ENTERED, 25)
    assert room.found() == []
    assert room.verdict("exit").count == 1


def test_a_second_entry_is_reported_as_such():
    room = Room()
    room.event(ENTERED, 25)
    room.message(26)
    assert room.found() == []
    assert room.verdict("exit").count == 1
