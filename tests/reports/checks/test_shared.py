"""What several checks ask of a history, compared with its definition."""

from random import Random

import numpy as np
import pytest

from gauntlet.core.history import Channel, Flag, Kind, PageFlag, ProbeResult, RoomEvent
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.core.scenario.traits import Retention, Traits
from gauntlet.reports.checks import _shared
from gauntlet.reports.history.arrays import NEVER, pair

from ..small_runs import NS, SmallRun, ns

S = 1_000_000_000
OLD = {
    "target": {"stack": "external", "url": ["ws://127.0.0.1:9"]},
    "accounts": {"pattern": "load-{n}"},
}


def array(*numbers):
    return np.array(numbers, dtype=np.int64)


def numbers_of(history, chosen):
    """Return the numbers of the messages at some indices, or of those that are marked."""
    return history.messages.sseq[chosen].tolist()


def test_only_first_presentations_by_push_or_resync_are_deliveries():
    run = SmallRun((1, 2, 3))
    for seq in (1, 2, 3, 4):
        run.send(1, seq, 9 + seq)
    run.deliver(1, 2, 20, 2, flags=Channel.HISTORY)
    run.deliver(1, 1, 21, 2)
    run.deliver(1, 3, 22, 2, 3, flags=Channel.RESYNC)
    run.deliver(1, 2, 23, 2)
    run.deliver(1, 1, 24, 2, 3)
    history = run.history()
    message, session = _shared.first_deliveries(history)
    users = [history.names.sessions[each][0] for each in session.tolist()]
    assert list(zip(numbers_of(history, message), users, strict=True)) == [
        (1, 2),
        (3, 2),
        (3, 3),
        (1, 3),
    ]


def test_what_was_handed_over_is_not_known_to_be_stored():
    run = SmallRun((1, 2))
    for seq in (1, 2):
        run.send(1, seq, 9 + seq)
    run.send(1, 3, 12, end=Kind.UNKNOWN)
    run.story.change(run.story.at(Kind.ACK)[1], flags=Flag.HANDED_OVER)
    found = _shared.stored_ns(run.history(), array(0, 1, 2, 0))
    assert found.tolist() == [ns(10.1), NEVER, NEVER, ns(10.1)]


def acknowledged(random, error_ns):
    """Return a run of two conversations, and (conversation, number, nanosecond) of what it acked.

    Many acknowledgements come at the same time, or as far apart as clocks may differ.
    """
    run = SmallRun((1, 2), (1, 2))
    run.declare(clock_error_ns=error_ns)
    acked = []
    for number in range(1, 11):
        conv, at_s = random.randint(1, 2), 10 + random.randint(0, 8) / 4
        end = random.choice([Kind.ACK, Kind.ACK, Kind.UNKNOWN])
        run.send(conv, number, at_s, end=end)
        if end == Kind.ACK:
            acked.append((conv, number, ns(at_s + 0.1)))
    return run, acked


def after(own, acked, error_ns):
    """Return how many others were acknowledged after a message, or may have been."""
    conv, number, at_ns = own
    others = [each for each in acked if each[0] == conv and each != own]
    if error_ns:
        return sum(each[2] >= at_ns - error_ns for each in others)
    return sum((each[2], each[1]) > (at_ns, number) for each in others)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("error_ns", [0, S // 4, S // 2, S // 2 - 1])
def test_so_many_messages_of_a_conversation_have_to_be_kept(count, error_ns):
    for number in range(20):
        run, acked = acknowledged(Random(number), error_ns)
        run.traits = Traits(retention=Retention(count=count))
        history = run.history()

        expected = {own[:2] for own in acked if after(own, acked, error_ns) >= count}
        beyond = np.flatnonzero(_shared.beyond_retention(history))
        convs = history.messages.conv[beyond].tolist()
        assert set(zip(convs, numbers_of(history, beyond), strict=True)) == expected


@pytest.mark.parametrize(
    ("age_s", "beyond"), [(22, []), (22 - NS, [1]), (21, [1]), (21 - NS, [1, 2]), (20, [1, 2])]
)
def test_messages_have_to_be_kept_for_a_time_until_their_conversation_is_read(age_s, beyond):
    """The messages are sent at 10 s and 11 s; the conversation is read at 32 s."""
    run = SmallRun((1, 2))
    for seq in (1, 2):
        run.send(1, seq, 9 + seq)
    run.add(Kind.HEAD, 32, conv=1, seq=2)
    run.traits = Traits(retention=Retention(age_s=age_s))
    history = run.history()
    assert numbers_of(history, _shared.beyond_retention(history)) == beyond


def test_the_time_for_which_messages_are_kept_is_known_where_they_are_read():
    run = SmallRun((1, 2), (1, 2))
    run.send(1, 1, 10)
    run.send(2, 1, 10)
    run.add(Kind.HEAD, 32, conv=2, seq=1)
    run.traits = Traits(retention=Retention(age_s=1))
    assert _shared.beyond_retention(run.history()).tolist() == [False, True]


def test_everything_has_to_be_kept_where_nothing_else_is_declared():
    run = SmallRun((1, 2))
    run.send(1, 1, 10)
    assert _shared.beyond_retention(run.history()).tolist() == [False]
    run.traits = Traits(retention=Retention())
    assert _shared.beyond_retention(run.history()).tolist() == [False]


@pytest.mark.parametrize("required", [["phantom"], ["lost-acked"]])
def test_where_another_body_arrived_is_known_if_its_check_reports_it(required):
    run = SmallRun((1, 2, 3), (1, 2), checks={"required": required})
    foreign = {"flags": Flag.FOREIGN}
    run.deliver(2, 5, 10, 2, **foreign)
    run.deliver(1, 7, 11, 3, **foreign)
    run.deliver(1, 1, 12, 2, **foreign)
    run.deliver(1, 9, 13, 2, kind=Kind.AUDIT, **foreign)
    run.deliver(1, 8, 14, 2)
    run.deliver(1, 8, 14, 2, seq=0, **foreign)
    history = run.history()
    place, session = _shared.unreadable_places(history, (Kind.DELIVER, Kind.RECEIVE))
    users = [history.names.sessions[each][0] for each in session.tolist()]
    if "phantom" in required:
        assert place.tolist() == pair(array(1, 1, 2), array(1, 7, 5)).tolist()
        assert users == [2, 3, 2]
    else:
        assert (place.size, users) == (0, [])


@pytest.mark.parametrize(
    ("kind", "flags", "is_only_read"),
    [
        (Kind.RECEIVE, Channel.HISTORY, True),
        (Kind.RECEIVE, Channel.HISTORY | Flag.DUPLICATE, True),
        (Kind.RECEIVE, Channel.RESYNC, False),
        (Kind.RECEIVE, Channel.LIVE, False),
        (Kind.DELIVER, Channel.HISTORY, False),
    ],
)
def test_copies_in_pages_that_were_read_are_shown_to_no_user(kind, flags, is_only_read):
    run = SmallRun((1, 2))
    run.deliver(1, 1, 10, 2, kind=kind, flags=flags)
    records = run.history().records
    assert _shared.only_read(records)[-1] == is_only_read


def lost(*, without=(), changed=None, required=("history-gap", "lost-acked", "phantom")):
    """Return a run of which the audit finds four of six messages, and lacks 3 and 5."""
    run = SmallRun((1, 2), (1, 2), checks={"required": list(required)})
    for seq in range(1, 7):
        run.send(1, seq, 9 + seq)
    run.audit(1, *(seq for seq in (1, 2, 4, 6) if seq not in without), head=6)
    run.send(2, 1, 10)
    for index in run.story.at(Kind.ACK, conv=1, sseq=3):
        run.story.change(index, **(changed or {}))
    return run


def test_messages_are_lost_that_the_audit_of_their_conversation_does_not_find():
    history = lost(without=(1,)).history()
    assert numbers_of(history, _shared.lost_messages(history)) == [1, 3, 5]
    assert _shared.lost_places(history).tolist() == pair(array(1, 1, 1), array(1, 3, 5)).tolist()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, [3, 5]),
        ({"flags": Flag.HANDED_OVER}, [5]),
        ({"kind": Kind.UNKNOWN, "seq": 0}, [5]),
    ],
)
def test_only_acknowledged_messages_are_lost(changed, found):
    history = lost(changed=changed).history()
    assert numbers_of(history, _shared.lost_messages(history)) == found


def test_a_message_that_was_never_sent_is_not_lost():
    run = lost()
    run.story.drop(run.story.at(Kind.OP, conv=1, sseq=3))
    history = run.history()
    assert numbers_of(history, _shared.lost_messages(history)) == [5]


def test_what_need_not_be_kept_is_not_lost():
    run = lost()
    run.traits = Traits(retention=Retention(count=3))
    history = run.history()
    assert numbers_of(history, _shared.lost_messages(history)) == [5]


@pytest.mark.parametrize("kind", [Kind.AUDIT, Kind.DELIVER])
def test_a_message_in_whose_place_the_audit_finds_another_body_is_not_lost(kind):
    run = lost()
    run.deliver(1, 3, 33, 2, kind=kind, flags=Flag.FOREIGN)
    history = run.history()
    expected = [5] if kind == Kind.AUDIT else [3, 5]
    assert numbers_of(history, _shared.lost_messages(history)) == expected


@pytest.mark.parametrize("required", [["lost-acked", "history-gap"], ["lost-acked"]])
def test_what_another_page_shows_at_the_end_is_a_gap_of_the_audit(required):
    run = SmallRun((1, 2), checks={"required": required})
    for number in (1, 2, 3):
        run.send(1, 0, 9 + number, sseq=number)
    for user, at_s, listed in ((2, 32, (1, 2)), (1, 33, (1,))):
        flags = PageFlag.ENTRIES | PageFlag.LAST
        known = {"conv": 1, "link": user, "ref_ns": ns(at_s)}
        run.add(Kind.PAGE, at_s, **known, peer=len(listed), spare=flags)
        run.deliver(1, 1, at_s, user, seq=0, kind=Kind.RECEIVE, flags=Channel.HISTORY)
        for number in listed[1:]:
            run.deliver(1, number, at_s, user, seq=0, kind=Kind.RECEIVE, flags=Channel.HISTORY)
    run.add(Kind.HEAD, 33, conv=1)
    run.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=1, flags=Channel.AUDIT)
    history = run.history()
    expected = [3] if "history-gap" in required else [2, 3]
    assert numbers_of(history, _shared.lost_messages(history)) == expected
    assert _shared.lost_places(history).tolist() == []


def test_lost_places_are_left_to_a_check_that_is_required():
    assert _shared.lost_places(lost(required=["history-gap"]).history()).tolist() == []


@pytest.mark.parametrize(
    ("scenario", "expected"), [({}, [1, 1, 1, 1, 1]), (OLD, [4, 7, NEVER, 1, NEVER])]
)
def test_what_earlier_runs_wrote_precedes_the_first_message_of_the_run(scenario, expected):
    run = SmallRun(*[(1, 2)] * 4, **scenario)
    for conv, seq in ((1, 6), (1, 4), (1, 5), (2, 7), (2, 8), (4, 1), (4, 2)):
        run.send(conv, seq, 10 + seq)
    run.send(3, 0, 10, sseq=1)
    run.deliver(2, 2, 20, 2, flags=Flag.LEFTOVER)
    run.deliver(1, 3, 20, 2, author=2)
    found = _shared.first_positions(run.history(), array(1, 2, 3, 4, 9))
    assert found.tolist() == expected


def test_a_message_is_found_where_the_audit_or_else_a_receiver_has_it_first():
    run = SmallRun((1, 2, 3))
    for number in range(1, 6):
        run.send(1, number + 10, 9 + number, sseq=number)
    run.audit(1, head=9)
    audited = {"link": 0, "kind": Kind.AUDIT, "flags": Channel.AUDIT}
    for number, seq, at_s in ((1, 1, 33), (1, 6, 33.5), (3, 0, 33), (3, 8, 33.2)):
        run.deliver(1, number, at_s, 2, **audited, seq=seq)
    for number, seq, at_s in ((1, 9, 20), (2, 2, 21), (2, 3, 22), (3, 9, 20), (4, 0, 20)):
        run.deliver(1, number, at_s, 2, seq=seq)
    run.deliver(1, 5, 20, 2, seq=5, kind=Kind.RECEIVE)
    run.deliver(1, 77, 20, 2, seq=7, flags=Flag.FOREIGN)
    history = run.history()
    assert numbers_of(history, slice(None)) == [1, 2, 3, 4, 5]
    assert _shared.found_positions(history).tolist() == [1, 2, 8, 0, 0]


def test_where_the_audit_finds_all_no_receiver_is_asked():
    run = SmallRun((1, 2))
    for seq in (1, 2):
        run.send(1, seq, 9 + seq)
        run.deliver(1, seq, 20, 2, seq=seq + 5)
    run.audit(1, 1, 2, head=2)
    assert _shared.found_positions(run.history()).tolist() == [1, 2]


def test_several_messages_may_be_at_one_position():
    run = SmallRun((1, 2), (1, 2))
    for conv, number, seq in ((1, 1, 3), (1, 2, 3), (1, 3, 4), (2, 1, 3)):
        run.send(conv, seq, 10 + number, sseq=number)
    history = run.history()
    assert _shared.messages_at(history, 1, 3) == (0, 1)
    assert _shared.messages_at(history, 1, 4) == (2,)
    assert _shared.messages_at(history, 2, 4) == ()


@pytest.mark.parametrize("without", ["", SELF_ECHO])
def test_users_have_what_they_wrote_where_they_receive_none_of_it(without):
    run = SmallRun((1, 2), (1, 2))
    run.without = without
    written = {(1, 1): (1, 3, 4, 9), (1, 2): (2, 5), (2, 2): (1, 7)}
    for (conv, author), positions in written.items():
        for seq in positions:
            run.send(conv, seq, 10 + seq, author=author)
    run.send(2, 0, 20, sseq=9)  # at no known position
    run.deliver(2, 8, 21, 1)  # which no one sent
    own = _shared.OwnPositions(run.history())
    for conv in (1, 2, 3):
        for user in (1, 2, 3):
            positions = () if not without else written.get((conv, user), ())
            for first in range(11):
                for last in range(first, 11):
                    count = own.count(array(conv), array(user), array(first), array(last))
                    assert count.tolist() == [sum(first <= seq <= last for seq in positions)]
                is_own = own.contain(array(conv), array(user), array(first))
                assert is_own.tolist() == [first in positions]


def test_members_are_certainly_in_where_nothing_was_sent_while_they_were_changed():
    run = SmallRun((1, 2, 3), (1, 2, 3))
    for conv in (1, 2):
        for seq in range(1, 7):
            run.send(conv, seq, 9 + seq)
    run.send(1, 0, 12.5, sseq=9)  # at no known position
    known = {"conv": 1, "link": 1, "spare": ProbeResult.GRANTED}
    for user, since_s, until_s in ((2, 12.5, 13.5), (3, 9.5, 9.9)):
        for at_s, event in ((since_s, RoomEvent.REMOVED), (until_s, RoomEvent.ADDED)):
            run.add(Kind.MEMBERSHIP, at_s + 0.2, **known, peer=user, sseq=event, ref_ns=ns(at_s))
    history = run.history()
    positions = array(*range(8))

    def certain(conv, user):
        each = np.full_like(positions, conv), np.full_like(positions, user), positions
        return np.flatnonzero(~_shared.certainly_in(history, *each)).tolist()

    # Position 3 was acknowledged so shortly before the request that a push may have come too late.
    assert certain(1, 2) == [3, 4]
    assert certain(1, 3) == [1]
    assert certain(2, 2) == certain(2, 3) == []
