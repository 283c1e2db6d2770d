"""What a connection may push, position by position."""

import pytest

from gauntlet.core.history import RECORDED, Channel, Flag, Kind, ProbeResult, RoomEvent

from ..small_runs import SmallRun, ns, sentences


def pushed(*positions, **scenario):
    """Return a run in which u1 sends 9 messages, and u2 is pushed some of them in this order."""
    run = SmallRun((1, 2, 3), (1, 2, 3), **scenario)
    for conv in (1, 2):
        for seq in range(1, 10):
            run.send(conv, seq, 9 + seq / 10)
    for at, seq in enumerate(positions):
        run.deliver(1, seq, 12 + at, 2)
    return run


def copy(run, seq, at_s, flags=Flag.DUPLICATE, conv=1, user=2):
    """Push a copy of a message, which the client drops."""
    run.deliver(conv, seq, at_s, user, kind=Kind.RECEIVE, flags=flags)


def back(seq):
    """Return the sentence on a push that went back."""
    return f"edge-blue-1, on connection 1 of u2, went back to position {seq} in c1."


def jumped(seq, skipped, user=2, conv=1):
    """Return the sentence on a push that skipped positions."""
    return (
        f"edge-blue-1, on connection 1 of u{user}, jumped to position {seq} without pushing or "
        f"announcing {skipped} in c{conv}."
    )


@pytest.mark.parametrize(
    ("positions", "jumps"),
    [
        ((1, 2, 3), []),
        ((4, 5, 6), []),
        ((1, 3), [(3, 2)]),
        ((1, 5), [(5, 2)]),
        ((1, 3, 4, 6), [(3, 2), (6, 5)]),
        # What comes later fills the hole: `divergent-order` compares orders.
        ((1, 3, 2), []),
    ],
)
def test_a_connection_skips_no_position(positions, jumps):
    run = pushed(*positions)
    found = run.verdict("wire-order")
    assert sentences(found) == [jumped(*jump) for jump in jumps]
    assert (found.count, found.examined) == (len(jumps), len(positions))
    assert found.times_ns is not None
    assert found.times_ns.tolist() == [ns(12 + positions.index(seq)) for seq, _ in jumps]
    for witness, (seq, skipped) in zip(found.witnesses, jumps, strict=True):
        assert (witness.messages, witness.user) == ((seq - 1, skipped - 1), 2)


@pytest.mark.parametrize(
    ("first", "last", "skipped"),
    [(2, 4, None), (1, 9, None), (3, 4, 2), (2, 3, 4), (3, 3, 2), (2, 2, 3), (5, 9, 2)],
)
def test_announced_positions_may_be_skipped(first, last, skipped):
    run = pushed(1, 5)
    run.add(Kind.GAP, 12.5, conv=1, link=2, seq=first, sseq=last)
    # Those of another connection or conversation say nothing, nor does what was never found.
    run.add(Kind.GAP, 31, conv=1, link=2, seq=2, sseq=4, flags=Channel.HISTORY)
    run.add(Kind.GAP, 12.5, conv=1, link=3, seq=2, sseq=4)
    run.add(Kind.GAP, 12.5, conv=2, link=2, seq=2, sseq=4)
    found = run.verdict("wire-order")
    assert sentences(found) == ([jumped(5, skipped)] if skipped else [])


def test_several_announcements_add_up():
    run = pushed(1, 5)
    for first, last in ((2, 2), (3, 4)):
        run.add(Kind.GAP, 12.5, conv=1, link=2, seq=first, sseq=last)
    assert sentences(run.verdict("wire-order")) == []


def test_each_connection_and_conversation_has_an_order_of_its_own():
    run = pushed(1, 2)
    run.deliver(1, 5, 14, 3)
    run.deliver(2, 7, 14, 2)
    run.deliver(2, 9, 15, 2)
    found = run.verdict("wire-order")
    assert (sentences(found), found.examined) == ([jumped(9, 8, conv=2)], 5)


@pytest.mark.parametrize(
    ("seq", "flags", "is_back"),
    [
        # The highest position that was pushed is 3.
        (3, Flag.DUPLICATE, True),
        (1, Flag.DUPLICATE, True),
        (4, Flag.DUPLICATE, False),
        # It was dropped because a later position had been shown.
        (4, 0, True),
        (3, Flag.DUPLICATE | Channel.RESYNC, False),
        (3, Flag.DUPLICATE | Channel.HISTORY, False),
        (0, Flag.DUPLICATE, False),
    ],
)
def test_a_connection_does_not_go_back(seq, flags, is_back):
    run = pushed(1, 2, 3)
    copy(run, seq, 20, flags)
    found = run.verdict("wire-order")
    assert sentences(found) == [back(seq)] * is_back
    live = seq > 0 and flags & 3 == Channel.LIVE
    assert (found.count, found.examined) == (is_back, 3 + live)
    assert [witness.messages for witness in found.witnesses] == [(seq - 1,)] * is_back


RECORDED_BY_OTHERS = {"target": {"adapter": RECORDED, "stack": "external"}}


@pytest.mark.parametrize(
    ("positions", "backward"),
    [((1, 2, 3), []), ((1, 3, 2, 4), [2]), ((4, 3, 2), [3, 2]), ((1, 3, 2, 3), [2])],
)
def test_a_client_of_others_may_show_what_went_backwards(positions, backward):
    run = pushed(*positions, **RECORDED_BY_OTHERS)
    run.deliver(2, 1, 30, 2)  # another conversation
    run.deliver(1, 1, 30, 3)  # another connection
    assert sentences(run.verdict("wire-order")) == [back(seq) for seq in backward]


@pytest.mark.parametrize(
    ("event_s", "expected"), [(13, []), (13.5, ["went back to position 2"]), (12, [])]
)
def test_an_event_went_backwards_if_its_time_says_so(event_s, expected):
    run = pushed(1, 3, 4, **RECORDED_BY_OTHERS)
    run.add(Kind.ROOM, event_s, conv=1, link=2, peer=3, sseq=RoomEvent.ENTERED, seq=2)
    found = sentences(run.verdict("wire-order"))
    assert [sentence.split("u2, ")[1] for sentence in found] == [
        f"{text} in c1." for text in expected
    ]


def test_an_event_and_a_message_of_the_same_time_have_no_order():
    run = pushed(1, **RECORDED_BY_OTHERS)
    run.add(Kind.ROOM, 14, conv=1, link=2, peer=3, sseq=RoomEvent.ENTERED, seq=3)
    run.deliver(1, 2, 14, 2)
    assert sentences(run.verdict("wire-order")) == []


def test_what_others_sorted_before_they_showed_it_went_backwards_once():
    run = pushed(1, 2, **RECORDED_BY_OTHERS)
    for at, seq in ((14, 5), (15, 4)):
        run.deliver(1, seq, at, 2, kind=Kind.ARRIVED, spare=seq - 3)
    for at, seq in enumerate((3, 4, 5)):
        run.deliver(1, seq, 16 + at, 2, flags=Channel.RESYNC if seq == 3 else Channel.LIVE)
    run.add(Kind.GAP, 13, conv=1, link=2, seq=3, sseq=3)
    assert sentences(run.verdict("wire-order")) == [back(4)]


def test_a_push_is_compared_with_those_before_it_on_its_connection():
    run = pushed(2, 3)
    copy(run, 1, 12.5)
    copy(run, 5, 11, user=3)
    run.deliver(2, 9, 11, 2)
    copy(run, 9, 10.5, conv=2)
    found = run.verdict("wire-order")
    assert sentences(found) == [back(1)]


def test_room_events_have_positions_too():
    run = pushed(1, 3)
    run.add(Kind.ROOM, 12.5, conv=1, link=2, peer=3, sseq=RoomEvent.ENTERED, seq=2)
    found = run.verdict("wire-order")
    assert (sentences(found), found.examined) == ([], 3)


def event_twice(*links, channel=Channel.LIVE):
    """Return a run in which u2 is shown an event at position 4 on these connections."""
    run = pushed(1, 2, 3)
    run.connect(2, 16, link=20)
    for at, link in enumerate(links):
        flags = channel if at else Channel.LIVE
        event = {"peer": 3, "sseq": RoomEvent.ENTERED, "seq": 4}
        run.add(Kind.ROOM, 17 + at, conv=1, link=link, **event, flags=flags)
    return run


def test_an_event_is_shown_only_once_on_a_connection():
    run = event_twice(2, 2)
    found = run.verdict("wire-order")
    text = "edge-blue-1, on connection 1 of u2, pushed the event at position 4 again in c1."
    assert sentences(found) == [text]
    assert (found.count, found.examined) == (1, 5)
    assert found.times_ns is not None
    assert found.times_ns.tolist() == [ns(18)]
    # Others are shown it as well.
    run.add(Kind.ROOM, 17, conv=1, link=3, peer=3, sseq=RoomEvent.ENTERED, seq=4)
    run.add(Kind.ROOM, 17, conv=2, link=2, peer=3, sseq=RoomEvent.ENTERED, seq=4)
    assert sentences(run.verdict("wire-order")) == [text]


def test_a_new_connection_may_show_an_event_again():
    assert sentences(event_twice(2, 20).verdict("wire-order")) == []
    # What the client fetched crosses what is pushed.
    assert sentences(event_twice(2, 2, channel=Channel.RESYNC).verdict("wire-order")) == []


def test_an_event_that_was_held_back_is_shown_once():
    run = pushed(1, 2)
    about = {"conv": 1, "link": 2, "peer": 3, "sseq": RoomEvent.ENTERED, "seq": 4}
    run.add(Kind.ARRIVED, 14, **about, flags=Flag.ROOM_EVENT, spare=1)
    run.deliver(1, 3, 15, 2)
    run.add(Kind.ROOM, 15.1, **about)
    found = run.verdict("wire-order")
    assert (sentences(found), found.examined) == ([], 4)


def test_a_push_that_was_held_back_and_never_presented_is_examined_too():
    run = pushed(1, 2)
    run.deliver(1, 5, 14, 2, kind=Kind.ARRIVED, spare=2)
    found = run.verdict("wire-order")
    assert (sentences(found), found.examined) == ([jumped(5, 3)], 3)


def test_positions_that_the_reader_must_not_read_are_skipped():
    run = pushed(1, 5)
    for first, last in ((1, 1), (4, 0)):
        run.add(Kind.RANGE, 33, conv=1, peer=2, seq=first, sseq=last)
    assert sentences(run.verdict("wire-order")) == [jumped(5, 4)]


def test_own_messages_are_skipped_where_users_receive_none_of_theirs():
    run = SmallRun((1, 2))
    run.without = "self_echo"
    for seq, author in ((1, 1), (2, 2), (3, 2), (4, 1), (5, 2), (6, 1), (7, 1)):
        run.send(1, seq, 9 + seq / 10, author=author)
    for seq in (1, 4, 7):
        run.deliver(1, seq, 12 + seq, 2)
    assert sentences(run.verdict("wire-order")) == [jumped(7, 6)]


@pytest.mark.parametrize(("count", "outcome"), [(4, "unknown"), (5, "valid")])
def test_five_pushes_are_needed_for_a_verdict(count, outcome):
    found = pushed(*range(1, count + 1)).verdict("wire-order")
    assert (found.outcome, found.examined) == (outcome, count)


@pytest.mark.parametrize(
    ("leftovers", "jumps", "examined"),
    [((1, 3), [], 1), ((1, 3, 6), [jumped(6, 5)], 2), ((), [], 1), ((4,), [], 2)],
)
def test_the_positions_of_earlier_runs_may_be_skipped(leftovers, jumps, examined):
    """Those from 4 on are of this run, and the server may have deleted any before it."""
    target = {"stack": "external", "url": ["ws://127.0.0.1:9"]}
    run = SmallRun((1, 2), target=target, accounts={"pattern": "load-{n}"})
    for seq in (4, 5):
        run.send(1, seq, 5 + seq)
    run.deliver(1, 4, 20, 2)
    for seq in leftovers:
        run.deliver(1, seq, 10 + 2 * seq, 2, flags=Flag.LEFTOVER)
    found = run.verdict("wire-order")
    assert (sentences(found), found.examined) == (jumps, examined)


def test_the_first_push_of_all_has_no_predecessor():
    run = pushed()
    copy(run, 1, 11)
    found = run.verdict("wire-order")
    assert (found.count, found.examined) == (0, 1)


@pytest.mark.parametrize(
    ("start", "positions", "jumps"),
    [
        (0, (1, 2, 3, 4, 5), []),
        (3, (4, 5, 6, 7, 8), []),
        (2, (4, 5, 6, 7, 8), [(4, 3)]),
        (0, (4, 5, 6, 7, 8), [(4, 1)]),
        # What lies before the stated position may be pushed as well; it hides no jump behind it.
        (5, (4, 5, 6, 7, 8), []),
        (5, (3, 4, 7, 8, 9), [(7, 5)]),
    ],
)
def test_the_first_push_follows_the_position_that_the_server_stated(start, positions, jumps):
    run = pushed(*positions)
    run.add(Kind.START, 11, conv=1, link=2, seq=start)
    assert sentences(run.verdict("wire-order")) == [jumped(*jump) for jump in jumps]


def test_a_gap_may_be_announced_before_the_first_push():
    run = pushed(4, 5, 6, 7, 8)
    run.add(Kind.START, 11, conv=1, link=2, seq=1)
    run.add(Kind.GAP, 11.5, conv=1, link=2, seq=2, sseq=3)
    assert run.verdict("wire-order").outcome == "valid"


def test_the_position_of_another_connection_or_conversation_does_not_count():
    run = pushed(4, 5, 6, 7, 8)
    run.add(Kind.START, 11, conv=2, link=2, seq=0)
    run.add(Kind.START, 11, conv=1, link=3, seq=0)
    assert run.verdict("wire-order").outcome == "valid"


def test_a_server_that_states_too_little_skips_nothing():
    """It pushes 5 again, which the client had, because the stated position is too old."""
    run = pushed(6, 7, 8, 9)
    run.deliver(1, 5, 9.9, 2)
    run.connect(2, 10.5, link=7)
    story = run.story
    for index in story.at(Kind.DELIVER):
        if story.records[index].seq > 5:
            story.change(index, link=7)
    run.add(Kind.START, 10.5, ref_ns=ns(10.2), conv=1, link=7, seq=4)
    run.deliver(1, 5, 11, 2, kind=Kind.RECEIVE, flags=Flag.DUPLICATE)
    story.change(len(story.records) - 1, link=7)
    assert sentences(run.verdict("history-regress")) != []
    assert sentences(run.verdict("resync-replay")) == []
    found = run.verdict("wire-order")
    assert (sentences(found), found.examined) == ([], 5)


def test_every_connection_is_compared_with_its_own_pushes():
    run = pushed(1, 2, 3)
    for user in (1, 3):
        run.deliver(1, 4, 14, user)
        run.deliver(1, 5, 15, user)
        copy(run, 5, 16, user=user)
    assert sentences(run.verdict("wire-order")) == [
        back(5).replace("u2", f"u{user}") for user in (1, 3)
    ]


@pytest.mark.parametrize(("position", "skipped"), [(4, None), (5, 4)])
def test_the_first_push_of_each_connection_follows_the_position_that_was_stated_to_it(
    position, skipped
):
    run = pushed()
    for user in (1, 2, 3):
        run.add(Kind.START, 11, conv=1, link=user, seq=3)
        run.deliver(1, position, 12, user)
    expected = [jumped(5, 4, user=user) for user in (1, 2, 3)] if skipped else []
    assert sentences(run.verdict("wire-order")) == expected


def test_the_first_position_of_the_run_is_not_skipped_behind_an_older_one_that_was_stated():
    target = {"stack": "external", "url": ["ws://127.0.0.1:9"]}
    run = SmallRun((1, 2), target=target, accounts={"pattern": "load-{n}"})
    for seq in (4, 5, 6):
        run.send(1, seq, 5 + seq)
    run.add(Kind.START, 9, conv=1, link=2, seq=1)
    run.deliver(1, 6, 20, 2)
    assert sentences(run.verdict("wire-order")) == [jumped(6, 4)]


@pytest.mark.parametrize(("announced", "is_found"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_a_jump_is_examined_over_a_million_positions(announced, is_found):
    """A server may state any position, so that all of a jump could take gigabytes."""
    run = pushed(1)
    run.deliver(1, 1 << 24, 14, 2)
    run.add(Kind.GAP, 13, conv=1, link=2, seq=2, sseq=1 + announced)
    expected = [jumped(1 << 24, 2 + announced)] * is_found
    assert sentences(run.verdict("wire-order")) == expected


@pytest.mark.parametrize(
    ("positions", "jumps"), [((1, 6), [(6, 2)]), ((2, 6), [(6, 5)]), ((2, 5), [])]
)
def test_a_member_of_unknown_range_may_have_been_out_when_a_position_was_taken(positions, jumps):
    """The request to remove them came when position 3 may not have been pushed to them yet."""
    run = SmallRun((1, 2, 3))
    for seq in range(1, 7):
        run.send(1, seq, 9 + seq)
    run.deliver(1, 1, 20, 3)
    run.deliver(1, 3, 21, 3)
    for user in (1, 3):
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1)
    known = {"conv": 1, "link": 1, "peer": 2, "spare": ProbeResult.GRANTED}
    for at_s, event in ((12.9, RoomEvent.REMOVED), (13.4, RoomEvent.ADDED)):
        run.add(Kind.MEMBERSHIP, at_s + 0.05, **known, sseq=event, ref_ns=ns(at_s))
    for at, seq in enumerate(positions):
        run.deliver(1, seq, 20 + at, 2)
    expected = [*(jumped(*jump) for jump in jumps), jumped(3, 2, user=3)]
    assert sorted(sentences(run.verdict("wire-order"))) == sorted(expected)


def test_own_messages_and_those_sent_while_the_reader_may_have_been_out_are_skipped_together():
    run = SmallRun((1, 2, 3))
    run.without = "self_echo"
    for seq in range(1, 5):
        run.send(1, seq, 9 + seq, author=2 if seq == 2 else 1)
    for user in (1, 3):
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1)
    known = {"conv": 1, "link": 1, "peer": 2, "spare": ProbeResult.GRANTED}
    run.add(Kind.MEMBERSHIP, 12.6, **known, sseq=RoomEvent.REMOVED, ref_ns=ns(12.5))
    for seq in (1, 4):
        run.deliver(1, seq, 20 + seq, 2)
    assert sentences(run.verdict("wire-order")) == []
