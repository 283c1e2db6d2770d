"""Who is in a room does not enter it again."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import SmallRun, sentences

ADDED, ENTERED, EXITED, REMOVED = (
    RoomEvent.ADDED,
    RoomEvent.ENTERED,
    RoomEvent.EXITED,
    RoomEvent.REMOVED,
)


def room(*events, user=2):
    """Return a run in which a user has these events, one a second from 5 s on."""
    run = SmallRun((1, 2, 3))
    for seq, event in enumerate(events, 1):
        known = {"conv": 1, "peer": user, "sseq": event, "seq": seq}
        for member in (1, 2, 3):
            run.add(Kind.ROOM, 4 + seq, **known, link=member)
        run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT | Flag.ROOM_EVENT)
    run.add(Kind.HEAD, 33, conv=1, seq=len(events))
    return run


def ask(run, at_s):
    """Let u2 ask to leave."""
    run.add(Kind.ATTEND, at_s, conv=1, link=2, peer=2, sseq=EXITED)


def again(position, before):
    """Return the sentence on an entry that follows another one."""
    reported = f"Position {position} of c1 reports that u2 entered"
    return f"{reported}, who was in the room from position {before} on."


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((ENTERED,), []),
        ((ENTERED, ENTERED), [again(2, 1)]),
        ((ENTERED, ADDED, ENTERED), [again(3, 1)]),
        ((ENTERED, ENTERED, ENTERED), [again(2, 1), again(3, 2)]),
        ((ENTERED, REMOVED, ENTERED), []),
        ((ENTERED, REMOVED, ADDED, ENTERED, ENTERED), [again(5, 4)]),
    ],
)
def test_a_stay_ends_before_the_next_one_begins(events, expected):
    found = room(*events).verdict("exit")
    assert sentences(found) == expected
    assert [(each.user, len(each.records)) for each in found.witnesses] == [(2, 2)] * len(expected)


def added_again(position, before):
    """Return the sentence on an addition that follows another one."""
    reported = f"Position {position} of c1 reports that u2 was added"
    return f"{reported}, who was a member from position {before} on."


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((ADDED,), []),
        ((ADDED, ADDED), [added_again(2, 1)]),
        ((ADDED, REMOVED, ADDED), []),
        ((ADDED, ENTERED, ADDED), [added_again(3, 1)]),
        ((ADDED, REMOVED, ADDED, ADDED, ADDED), [added_again(4, 3), added_again(5, 4)]),
    ],
)
def test_a_membership_ends_before_the_next_one_begins(events, expected):
    """Not only in rooms that users enter."""
    found = room(*events).verdict("exit")
    assert sentences(found) == expected
    assert [(each.user, len(each.records)) for each in found.witnesses] == [(2, 2)] * len(expected)
    assert found.outcome == ("invalid" if expected else found.outcome)


def test_leaving_a_room_does_not_end_the_membership():
    run = room(ADDED, ENTERED, EXITED, ADDED)
    ask(run, 6.5)
    assert sentences(run.verdict("exit")) == [added_again(4, 1)]


def test_an_unknown_position_may_hold_the_end_of_the_membership():
    run = room(ADDED, ENTERED, ADDED)
    run.story.drop([at for at, each in enumerate(run.story.records) if each.seq == 2])
    assert sentences(run.verdict("exit")) == []


def test_an_event_that_is_pushed_again_is_no_second_event():
    """A client that reconnects may be pushed what it has; it shows that to its user again."""
    run = room(ADDED, ENTERED)
    run.connect(3, 7, link=30)
    for seq, event in enumerate((ADDED, ENTERED), 1):
        run.add(Kind.ROOM, 7 + seq, conv=1, peer=2, sseq=event, seq=seq, link=30)
    assert sentences(run.verdict("exit")) == []


def test_a_stay_that_ended_is_followed_by_another():
    run = room(ENTERED, EXITED, ENTERED)
    ask(run, 5.5)
    assert sentences(run.verdict("exit")) == []


def test_an_unknown_position_may_hold_the_end_of_the_first_stay():
    run = room(ENTERED, ADDED, ENTERED)
    run.story.drop([at for at, each in enumerate(run.story.records) if each.seq == 2])
    assert sentences(run.verdict("exit")) == []
    run.deliver(1, 2, 6, 3)
    assert sentences(run.verdict("exit")) == [again(3, 1)]


def test_a_missing_exit_and_the_entry_that_follows_are_one_violation():
    run = room(ENTERED, ENTERED)
    for at in run.story.at(Kind.ROOM, seq=2):
        run.story.change(at, t_ns=run.story.records[at].t_ns + 15 * 10**9)
    ask(run, 8)
    (sentence,) = sentences(run.verdict("exit"))
    assert sentence.startswith("u2 exited c1")


def test_users_whom_the_load_does_not_have_are_not_told_apart():
    assert sentences(room(ENTERED, ENTERED, user=0).verdict("exit")) == []
