"""Exits at the end of a room that a member was never shown."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import NS, SmallRun, sentences

UNSEEN = "u3 was never shown position 2 of c1, the exit of u2."


def room(exit_s=20.0):
    """Return a run in which u2 leaves a room, which u1 and u2 are shown, but not u3."""
    run = SmallRun((1, 2, 3))
    for seq, event, at_s in ((1, RoomEvent.ENTERED, 5), (2, RoomEvent.EXITED, exit_s)):
        known = {"conv": 1, "peer": 2, "sseq": event, "seq": seq}
        for link in (1, 2, 3) if seq == 1 else (1, 2):
            run.add(Kind.ROOM, at_s, **known, link=link)
        run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT | Flag.ROOM_EVENT)
    run.add(Kind.HEAD, 33, conv=1, seq=2)
    run.add(Kind.ATTEND, exit_s - 1, conv=1, link=2, peer=2, sseq=RoomEvent.EXITED)
    return run


@pytest.mark.parametrize(
    ("exit_s", "expected"), [(20, [UNSEEN]), (27, [UNSEEN]), (27 + NS, []), (30, [])]
)
def test_an_exit_is_shown_within_five_seconds_before_the_audit(exit_s, expected):
    found = room(exit_s).verdict("exit")
    assert sentences(found) == expected
    for witness in found.witnesses:
        assert (witness.user, witness.session, len(witness.records)) == (3, 2, 1)


@pytest.mark.parametrize(("seq", "expected"), [(1, [UNSEEN]), (2, []), (3, [])])
def test_what_is_followed_by_something_shown_concerns_other_checks(seq, expected):
    run = room()
    run.deliver(1, seq, 21, 3)
    assert sentences(run.verdict("exit")) == expected


def test_an_acknowledgement_of_a_later_position_shows_nothing():
    run = room()
    run.story.scenario["checks"] = {"required": ["exit"]}
    run.send(1, 3, 21, author=3)
    run.audit(1, 3, head=3, author=3)
    assert sentences(run.verdict("exit")) == [UNSEEN]


def test_what_the_load_reads_in_a_page_is_not_shown():
    run = room()
    run.deliver(1, 2, 21, 3, kind=Kind.RECEIVE, flags=Channel.HISTORY | Flag.DUPLICATE)
    assert sentences(run.verdict("exit")) == [UNSEEN]


@pytest.mark.parametrize(("up_s", "expected"), [(20, [UNSEEN]), (20 + NS, [])])
def test_a_connection_from_before_the_exit_is_shown_it(up_s, expected):
    run = room()
    for kind in (Kind.CONNECT, Kind.ROOM):
        run.story.drop(run.story.at(kind, link=3))
    run.connect(3, up_s, link=3)
    assert sentences(run.verdict("exit")) == expected


@pytest.mark.parametrize(("down_s", "expected"), [(32 - NS, []), (32, [UNSEEN])])
def test_a_connection_that_lasts_until_the_audit_is_shown_it(down_s, expected):
    run = room()
    run.disconnect(3, down_s)
    assert sentences(run.verdict("exit")) == expected


def test_a_user_who_ever_went_away_may_have_stopped_reading():
    run = room()
    run.add(Kind.OFFLINE, 3, link=3, peer=3)
    assert sentences(run.verdict("exit")) == []


@pytest.mark.parametrize(("last", "expected"), [(1, []), (2, [UNSEEN])])
def test_a_member_who_may_not_read_it_is_not_shown_it(last, expected):
    run = room()
    for user, end in ((1, 0), (2, 0), (3, last)):
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1, sseq=end)
    assert sentences(run.verdict("exit")) == expected


@pytest.mark.parametrize(
    ("healed_s", "expected"), [(12, [UNSEEN]), (22, [UNSEEN]), (22 + NS, []), (None, [])]
)
def test_after_a_fault_the_server_has_ten_seconds(healed_s, expected):
    run = room()
    run.fault(10, healed_s)
    assert sentences(run.verdict("exit")) == expected


@pytest.mark.parametrize("healed_s", [(22 + NS, 12), (12, 22 + NS)])
def test_the_last_of_several_heals_counts(healed_s):
    run = room()
    for at_s in healed_s:
        run.fault(10, at_s)
    assert sentences(run.verdict("exit")) == []


@pytest.mark.parametrize(
    ("seq", "required", "expected"),
    [(3, ["exit", "undelivered"], []), (3, ["exit"], [UNSEEN]), (1, ["exit", "undelivered"], [])],
)
def test_who_is_not_shown_later_messages_either_is_the_concern_of_another_check(
    seq, required, expected
):
    run = room()
    run.story.scenario["checks"] = {"required": required}
    run.story.drop(run.story.at(Kind.ROOM, link=3))
    run.send(1, seq, 21)
    run.deliver(1, seq, 21.1, 1, 2)
    run.audit(1, seq, head=3)
    assert sentences(run.verdict("exit")) == expected


@pytest.mark.parametrize(("stored", "expected"), [(True, []), (False, [UNSEEN])])
def test_a_message_that_is_not_stored_explains_nothing(stored, expected):
    run = room()
    run.send(1, 3, 21)
    run.deliver(1, 3, 21.1, 1, 2)
    run.audit(1, *([3] if stored else []), head=3)
    assert sentences(run.verdict("exit")) == expected


def test_a_message_that_was_missed_before_what_was_shown_explains_nothing():
    run = room()
    run.story.convs[2] = {"name": "c2", "workload": "group", "members": [1, 2, 3]}
    for index in run.story.at(Kind.ROOM, sseq=RoomEvent.ENTERED):
        run.story.change(index, seq=2)
    (stored,) = run.story.at(Kind.AUDIT, sseq=RoomEvent.ENTERED)
    run.story.change(stored, seq=2)
    for index in run.story.at(Kind.ROOM, sseq=RoomEvent.EXITED):
        run.story.change(index, seq=3)
    (stored,) = run.story.at(Kind.AUDIT, sseq=RoomEvent.EXITED)
    run.story.change(stored, seq=3)
    for conv, seq in ((1, 1), (2, 9)):
        run.send(conv, seq, 4)
        run.deliver(conv, seq, 4.1, 1, 2)
        run.audit(conv, seq, head=9)
    assert sentences(run.verdict("exit")) == [UNSEEN.replace("position 2", "position 3")]


def test_the_last_one_of_several_missed_messages_counts():
    """Its author sent it before the first one, which has an earlier position."""
    run = room()
    for event, seq in ((RoomEvent.ENTERED, 2), (RoomEvent.EXITED, 3)):
        for kind in (Kind.ROOM, Kind.AUDIT):
            for index in run.story.at(kind, sseq=event):
                run.story.change(index, seq=seq)
    for seq, number in ((1, 9), (4, 5)):
        run.send(1, seq, 4, sseq=number)
        run.deliver(1, number, 4.1, 1, 2, seq=seq)
        run.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=number, seq=seq, flags=Channel.AUDIT)
    run.add(Kind.HEAD, 34, conv=1, seq=4)
    assert sentences(run.verdict("exit")) == []
    for kind in (Kind.DELIVER, Kind.AUDIT):
        run.story.drop(run.story.at(kind, sseq=5))
    assert sentences(run.verdict("exit")) == [UNSEEN.replace("position 2", "position 3")]
