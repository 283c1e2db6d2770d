"""When something was due that took longer than is normal, and when it came."""

import pytest

from gauntlet.core.history import Channel, Kind
from gauntlet.reports.metrics import overdue

from ..small_runs import SmallRun, ns

AGAIN = 13  # the connection with which u3 returns


def run(*, returned_s=14.0, came_s=14.9):
    """Return a run in which u3 goes away at 9 s and reads what was sent at 10 s after a return."""
    made = SmallRun((1, 2, 3))
    made.send(1, 1, 10, took_s=0.5)
    made.deliver(1, 1, 10.4, 2)
    made.add(Kind.OFFLINE, 9, link=3, peer=3)
    made.disconnect(3, 9)
    made.connect(3, returned_s, link=AGAIN)
    known = {"conv": 1, "link": AGAIN, "peer": 1, "sseq": 1, "seq": 1}
    made.add(Kind.DELIVER, came_s, **known, flags=Channel.RESYNC)
    return made.history()


def rows(found):
    """Return (due, done) of what was overdue, sorted."""
    return sorted(zip(*(column.tolist() for column in found), strict=True))


@pytest.mark.parametrize(
    ("limit_ms", "expected"),
    [
        (250, [(10.25, 10.4), (14.25, 14.9)]),
        (400, [(14.4, 14.9)]),
        (899, [(14.899, 14.9)]),
        (900, []),
    ],
)
def test_a_delivery_is_due_some_time_after_the_return_of_its_receiver(limit_ms, expected):
    found = rows(overdue.deliveries(run(), limit_ms))
    assert found == [tuple(map(ns, each)) for each in expected]


def test_a_delivery_soon_after_the_return_is_not_overdue():
    assert rows(overdue.deliveries(run(came_s=14.25), 300)) == [(ns(10.3), ns(10.4))]


def test_who_returned_before_the_message_was_sent_was_not_away():
    found = rows(overdue.deliveries(run(returned_s=9.5, came_s=11), 500))
    assert found == [(ns(10.5), ns(11))]


@pytest.mark.parametrize(
    ("span", "count"), [((9.9, 10.1), 2), ((10, 10.1), 2), ((9.9, 10), 0), ((14, 15), 0)]
)
def test_messages_belong_to_a_span_by_their_intended_time(span, count):
    history = run()
    within = (ns(span[0]), ns(span[1]))
    assert len(rows(overdue.deliveries(history, 250, within))) == count
    assert len(rows(overdue.acks(history, 250, within))) == count // 2


def test_an_acknowledgement_is_due_some_time_after_the_message():
    assert rows(overdue.acks(run(), 300)) == [(ns(10.3), ns(10.5))]


def test_a_delivery_of_the_same_length_to_another_user_is_overdue_as_well():
    """Both took 900 ms: since the message for u2, and since the return for u3."""
    made = SmallRun((1, 2, 3))
    made.send(1, 1, 10)
    made.deliver(1, 1, 10.9, 2)
    made.add(Kind.OFFLINE, 9, link=3, peer=3)
    made.connect(3, 14, link=AGAIN)
    made.deliver(1, 1, 14.9, 3, link=AGAIN)
    found = rows(overdue.deliveries(made.history(), 250))
    assert found == [(ns(10.25), ns(10.9)), (ns(14.25), ns(14.9))]


def test_a_delivery_is_overdue_until_its_receiver_leaves_and_after_the_return():
    made = SmallRun((1, 2, 3))
    made.send(1, 1, 10)
    made.deliver(1, 1, 10.1, 2)
    made.add(Kind.OFFLINE, 12, link=3, peer=3)
    made.connect(3, 14, link=AGAIN)
    made.deliver(1, 1, 14.9, 3, link=AGAIN)
    found = rows(overdue.deliveries(made.history(), 250))
    assert found == [(ns(10.25), ns(12)), (ns(14.25), ns(14.9))]


@pytest.mark.parametrize(("left_s", "lost"), [(14.9, False), (15.1, True)])
def test_a_log_that_ends_while_a_user_waits_has_lost_a_delivery(left_s, lost):
    made = SmallRun((1, 2, 3))
    del made.story.phases["quiesce"]
    made.send(1, 1, 10)
    made.deliver(1, 1, 10.1, 2)
    made.add(Kind.OFFLINE, left_s, link=3, peer=3)
    history = made.history()
    assert overdue.are_lost(history, 0, (ns(9), ns(11)), ns(30)) == lost
