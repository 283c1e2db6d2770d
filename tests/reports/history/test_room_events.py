"""The events of rooms: one for each position, in the order of positions."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent
from gauntlet.reports.history.room_events import collect_room_events

from ..small_runs import SmallRun, ns

STORED = Channel.AUDIT | Flag.ROOM_EVENT


def event(run, at_s, seq, what, *, user=2, kind=Kind.ROOM):
    """Show or store an event of a user."""
    flags = STORED if kind == Kind.AUDIT else Flag.ROOM_EVENT if kind == Kind.RECEIVE else 0
    link = 0 if kind == Kind.AUDIT else 1
    run.add(kind, at_s, conv=1, link=link, peer=user, sseq=what, seq=seq, flags=flags)


def events_of(run):
    """Return (position, event, when it was seen) of each user's events."""
    events = collect_room_events(run.history().records)
    return {
        user: [(each.position, each.event, each.seen_ns) for each in known]
        for (_, user), known in events.by_member.items()
    }


def test_events_come_in_the_order_of_positions_and_are_seen_first_at_their_earliest_record():
    run = SmallRun((1, 2, 3))
    event(run, 15, 4, RoomEvent.EXITED)
    event(run, 11, 1, RoomEvent.ENTERED, user=1)
    event(run, 12, 2, RoomEvent.ENTERED)
    event(run, 33, 2, RoomEvent.ENTERED, kind=Kind.AUDIT)
    event(run, 14, 4, RoomEvent.EXITED, kind=Kind.RECEIVE)
    event(run, 16, 3, RoomEvent.ENTERED, user=3)
    assert events_of(run) == {
        1: [(1, RoomEvent.ENTERED, ns(11))],
        2: [(2, RoomEvent.ENTERED, ns(12)), (4, RoomEvent.EXITED, ns(14))],
        3: [(3, RoomEvent.ENTERED, ns(16))],
    }


def test_what_is_stored_counts_if_a_push_shows_another_event():
    run = SmallRun((1, 2, 3))
    event(run, 12, 2, RoomEvent.EXITED, user=3)
    event(run, 33, 2, RoomEvent.ENTERED, kind=Kind.AUDIT)
    assert events_of(run) == {2: [(2, RoomEvent.ENTERED, ns(12))]}
    history = run.history()
    (known,) = collect_room_events(history.records).by_member.values()
    assert history.records["kind"][known[0].record] == Kind.AUDIT


def test_messages_and_events_without_a_position_are_none():
    run = SmallRun((1, 2, 3))
    run.send(1, 1, 10)
    run.deliver(1, 1, 11, 2)
    run.audit(1, 1, head=1)
    event(run, 12, 0, RoomEvent.ENTERED)
    assert events_of(run) == {}


@pytest.mark.parametrize(
    ("after", "until", "is_complete"),
    [(0, 1, True), (0, 3, True), (0, 4, False), (3, 4, False), (4, 5, True), (3, 5, False)],
)
def test_a_part_of_a_room_is_complete_if_each_position_has_content(after, until, is_complete):
    """Positions 1 and 2 are known from messages, 3 and 5 from events.

    Neither a head nor an acknowledgement shows what is at position 4.
    """
    run = SmallRun((1, 2, 3), (1, 2, 3))
    run.send(1, 4, 10)
    run.deliver(1, 1, 11, 2, kind=Kind.RECEIVE)
    run.deliver(1, 2, 11, 2)
    event(run, 12, 3, RoomEvent.ENTERED)
    event(run, 33, 5, RoomEvent.EXITED, kind=Kind.AUDIT)
    run.add(Kind.HEAD, 33, conv=1, seq=4)
    run.deliver(2, 4, 11, 2)
    events = collect_room_events(run.history().records)
    assert events.complete(1, after, until) == is_complete
