"""What is not owed to members who were removed before they could have received it."""

import pytest

from gauntlet.core.history import Kind, ProbeResult, RoomEvent
from gauntlet.reports.checks._removed_receivers import removed_before_receiving

from ..small_runs import NS, SmallRun, ns

DUE_S = 10.1


def exchange(removed_s):
    """Return a run in which u1 sends two messages, and u2 is removed after that.

    All receive the first message. The second one is due at 10.1 s, and u2 and u3 lack it.
    """
    run = SmallRun((1, 2, 3))
    run.send(1, 1, 5)
    run.deliver(1, 1, 5.2, 1, 2, 3)
    run.send(1, 2, 10)
    run.deliver(1, 2, 10.2, 1)
    removal = {"peer": 2, "sseq": RoomEvent.REMOVED, "spare": ProbeResult.GRANTED}
    if removed_s:
        run.add(Kind.MEMBERSHIP, removed_s + 1, conv=1, link=1, **removal, ref_ns=ns(removed_s))
    return run


def is_excused(run):
    """Return whether the second message is not owed to u2; everything else is."""
    history = run.history()
    expected = history.expected
    found = removed_before_receiving(history, expected, history.messages.acked_ns)
    delivery = (expected.message == 1) & (expected.user == 2)
    assert delivery.sum() == 1
    assert not found[~delivery].any()
    return bool(found[delivery][0])


def connected(run, *spans):
    """Let u2 be connected in these spans only: the first one from the beginning."""
    for number, (up_s, down_s) in enumerate(spans):
        if up_s:
            run.connect(2, up_s, link=20 + number)
        if down_s:
            run.disconnect(2, down_s, link=20 + number if up_s else 2)


@pytest.mark.parametrize(
    ("spans", "removed_s", "excused"),
    [
        ([(0, None)], None, False),
        ([(0, None)], 15, False),
        # A connection from before the message was due has to last for a second.
        ([(0, 11.1)], 15, False),
        ([(0, 11.1 - NS)], 15, True),
        ([(0, 10), (DUE_S, 11.1)], 15, False),
        ([(0, 10), (DUE_S, 11.1 - NS)], 15, True),
        # After a return it takes five seconds.
        ([(0, 10), (DUE_S + NS, None)], 15.1 + NS, False),
        ([(0, 10), (DUE_S + NS, None)], 15.1, True),
        ([(0, 10), (11, 16)], 17, False),
        ([(0, 10), (11, 16 - NS)], 17, True),
        # One connection that is long enough suffices.
        ([(0, 11.1), (12, 13)], 15, False),
        ([(0, 11), (12, 17)], 20, False),
        # Connections before that, and after the removal, do not count.
        ([(0, 9)], 15, True),
        ([(0, 9), (20, None)], 15, True),
    ],
)
def test_a_removed_member_has_to_be_connected_for_long_enough(spans, removed_s, excused):
    run = exchange(removed_s)
    connected(run, *spans)
    assert is_excused(run) is excused


@pytest.mark.parametrize(
    ("faults", "removed_s", "excused"),
    [
        ([(8, None)], 15, True),
        ([(15 - NS, None)], 15, True),
        ([(15, None)], 15, False),
        ([(8, 11)], 16, False),
        ([(8, 11 + NS)], 16, True),
        # A fault that ended before the message was due has not disturbed it.
        ([(8, 10)], 12, False),
        ([(8, DUE_S)], 12, False),
        ([(8, DUE_S + NS)], 12, True),
        ([(None, None)], 15, False),
        ([(2, 3), (8, 14)], 15, True),
        ([(16, 17), (8, 14)], 15, True),
    ],
)
def test_a_fault_until_shortly_before_the_removal_is_an_excuse(faults, removed_s, excused):
    run = exchange(removed_s)
    for effective_s, healed_s in faults:
        run.fault(effective_s, healed_s)
    assert is_excused(run) is excused


@pytest.mark.parametrize(
    ("number", "user", "at_s", "excused"),
    [
        (2, 2, 10.2, True),
        (2, 2, 15 - NS, True),
        (2, 2, 15, False),
        # The push of another message, or to another member.
        (3, 2, 10.2, False),
        (2, 3, 10.2, False),
    ],
)
def test_a_push_that_was_held_back_until_the_removal_had_arrived(number, user, at_s, excused):
    run = exchange(15)
    run.deliver(1, number, at_s, user, kind=Kind.ARRIVED)
    assert is_excused(run) is excused
