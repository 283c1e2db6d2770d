"""Which deliveries are expected, and which presentation is the first one."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, ProbeResult, RoomEvent
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.deliveries import on_any_device

from ..small_runs import SmallRun, ns


def expected(run):
    """Return (sender's number, user, session, when it was presented, own) of each delivery."""
    history = run.history()
    found = history.expected
    columns = (
        history.messages.sseq[found.message],
        found.user,
        found.session,
        found.presented_ns,
        found.own,
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_each_member_who_connected_is_owed_each_acknowledged_message():
    run = SmallRun((1, 2, 3), (1, 4))
    run.story.drop(run.story.at(Kind.CONNECT, link=3))
    run.send(1, 1, 10)
    run.send(1, 2, 11, end=Kind.UNKNOWN)
    run.send(1, 3, 12, end=Kind.REJECT)
    run.deliver(1, 1, 13, 2)
    assert expected(run) == [(1, 1, 0, NEVER, True), (1, 2, 1, ns(13), False)]


def test_without_echoes_nothing_is_owed_to_authors():
    run = SmallRun((1, 2))
    run.without = "self_echo"
    run.send(1, 1, 10)
    run.send(1, 2, 11, author=2)
    assert [(number, user) for number, user, *_ in expected(run)] == [(1, 2), (2, 1)]


def test_each_device_is_owed_a_message_and_one_has_sent_it():
    run = SmallRun((1, 2))
    run.connect(1, 0, link=11, device="d1")
    run.send(1, 1, 10)
    run.deliver(1, 1, 12, 1, link=11)
    assert expected(run) == [
        (1, 1, 0, NEVER, True),
        (1, 1, 1, ns(12), False),
        (1, 2, 2, NEVER, False),
    ]


@pytest.mark.parametrize(("seq", "is_owed"), [(1, False), (2, True), (3, True), (4, False)])
def test_a_member_is_owed_what_was_sent_during_their_stay(seq, is_owed):
    run = SmallRun((1, 2))
    run.add(Kind.RANGE, 33, conv=1, peer=1, seq=1, sseq=0)
    run.add(Kind.RANGE, 33, conv=1, peer=2, seq=2, sseq=3)
    run.send(1, seq, 10)
    assert [user for _, user, *_ in expected(run)] == [1, 2][: 1 + is_owed]


def test_the_first_presentation_counts_whatever_its_channel():
    run = SmallRun((1, 2))
    run.send(1, 1, 10)
    run.deliver(1, 1, 15, 2)
    run.deliver(1, 1, 14, 2, flags=Channel.HISTORY)
    run.deliver(1, 1, 13, 2, flags=Flag.FOREIGN)
    run.deliver(1, 1, 12, 2, flags=Flag.LEFTOVER)
    run.deliver(1, 1, 11, 2, flags=Channel.AUDIT)
    run.deliver(1, 1, 16, 1)
    history = run.history()
    shown = history.presentations
    times_ns = history.records["t_ns"][shown.record]
    assert times_ns.tolist() == [ns(14), ns(15), ns(16)]
    assert shown.first.tolist() == [True, False, True]
    assert shown.channel.tolist() == [Channel.HISTORY, Channel.LIVE, Channel.LIVE]
    assert shown.user.tolist() == [2, 2, 1]
    found = history.expected
    assert found.presented_ns.tolist() == [ns(16), ns(14)]
    assert found.channel.tolist() == [Channel.LIVE, Channel.HISTORY]
    assert found.missing.tolist() == [False, False]


def test_an_unanswered_message_is_owed_if_it_is_proven_to_be_stored_before_the_quiesce():
    run = SmallRun((1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq, end=Kind.UNKNOWN)
    run.deliver(1, 1, 20, 1)
    run.deliver(1, 2, 26, 1)
    run.audit(1, 1, 2, 3, head=3)
    history = run.history()
    owed = history.expected_unanswered
    assert history.messages.sseq[owed.message].tolist() == [1, 1]
    assert owed.missing.tolist() == [False, True]
    assert history.expected.message.size == history.expected.own.size == 0


def test_nothing_is_owed_to_a_member_while_they_may_be_removed():
    run = SmallRun((1, 2))
    asked = {"peer": 2, "sseq": RoomEvent.REMOVED, "spare": ProbeResult.UNKNOWN}
    run.add(Kind.MEMBERSHIP, 12, conv=1, link=1, **asked, ref_ns=ns(9))
    run.send(1, 1, 5)
    run.send(1, 2, 10)
    assert [(number, user) for number, user, *_ in expected(run)] == [(1, 1), (1, 2), (2, 1)]


def test_the_first_record_of_a_history_may_be_a_delivery():
    """Records are in the order of shards, and that of the connections need not be the first."""
    run = SmallRun((1, 2))
    run.deliver(1, 1, -1, 2)
    run.send(1, 1, 10)
    found = run.history().expected
    assert found.record.tolist() == [-1, 0]
    assert found.missing.tolist() == [True, False]
    assert found.presented_ns.tolist() == [NEVER, ns(-1)]
    assert found.channel.tolist() == [0, Channel.LIVE]


def test_where_one_device_is_enough_the_earliest_delivery_to_a_user_counts():
    run = SmallRun((1, 2, 3))
    for user in (1, 2):
        run.connect(user, 0, link=10 + user, device="d1")
    run.send(1, 1, 10, author=3)
    run.send(1, 2, 11, author=3)
    run.deliver(1, 1, 13, 1, author=3)
    run.deliver(1, 1, 12, 1, author=3, link=11)
    run.deliver(1, 2, 14, 2, author=3, link=12)
    history = run.history()
    found = on_any_device(history.expected)
    columns = found.message + 1, found.user, found.session, found.presented_ns
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (1, 1, 1, ns(12)),
        # No device received it.
        (1, 2, 2, NEVER),
        (1, 2, 3, NEVER),
        (1, 3, 4, NEVER),
        (2, 1, 0, NEVER),
        (2, 1, 1, NEVER),
        (2, 2, 3, ns(14)),
        (2, 3, 4, NEVER),
    ]
