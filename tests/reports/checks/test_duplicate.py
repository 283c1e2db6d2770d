"""What counts as a second presentation or a second copy."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind

from ..small_runs import SmallRun, ns, sentences


def shown(count=3):
    """Return a run in which u2 and u3 receive messages, and the audit finds them."""
    run = SmallRun((1, 2, 3))
    for seq in range(1, count + 1):
        run.send(1, seq, 10 + seq)
        run.deliver(1, seq, 10.2 + seq, 2, 3)
    run.audit(1, *range(1, count + 1), head=count)
    return run


def store_again(run, seq, position):
    """Let the audit find a message at one more position."""
    known = {"conv": 1, "peer": 1, "sseq": seq, "seq": position}
    run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT)


def twice(seq, user, device="d0"):
    return f"u{user} ({device}) received message {seq} of u1 in c1 twice."


def test_each_device_receives_a_message_once():
    """A third presentation is the same violation, and a copy that was dropped is none."""
    run = shown()
    run.deliver(1, 1, 20, 2)
    run.deliver(1, 1, 21, 2, flags=Channel.HISTORY)
    run.deliver(1, 3, 22, 2, 3)
    run.deliver(1, 2, 23, 2, kind=Kind.RECEIVE, flags=Flag.DUPLICATE)
    found = run.verdict("duplicate")
    assert sentences(found) == [twice(1, 2), twice(3, 2), twice(3, 3)]
    assert (found.count, found.examined) == (3, 6 + 4 + 3)
    assert found.times_ns is not None
    assert found.times_ns.tolist() == [ns(20), ns(22), ns(22)]
    assert [len(witness.records) for witness in found.witnesses] == [3, 2, 2]
    assert [witness.user for witness in found.witnesses] == [2, 2, 3]
    assert [witness.session for witness in found.witnesses] == [1, 1, 2]


def test_two_devices_of_a_user_receive_a_message_each():
    run = shown()
    run.connect(2, 0, link=12, device="d1")
    run.deliver(1, 1, 12, 2, link=12)
    assert run.verdict("duplicate").outcome == "valid"
    run.deliver(1, 1, 13, 2, link=12)
    assert sentences(run.verdict("duplicate")) == [twice(1, 2, "d1")]


def test_a_message_is_stored_once():
    run = shown()
    store_again(run, 2, 9)
    run.deliver(1, 1, 20, 2)
    found = run.verdict("duplicate")
    assert sentences(found) == [
        "The audit finds message 2 of u1 in c1 stored at positions 2, 9.",
        twice(1, 2),
    ]
    assert (found.count, found.examined, found.times_ns) == (2, 7 + 3, None)
    assert [witness.messages for witness in found.witnesses] == [(1,), (0,)]
    assert len(found.witnesses[0].records) == 2


def test_copies_are_counted_if_the_position_of_one_is_not_known():
    run = SmallRun((1, 2))
    run.send(1, 1, 10)
    for seq in (1, 0):
        store_again(run, 1, seq)
    (sentence,) = sentences(run.verdict("duplicate"))
    assert sentence == "The audit finds message 1 of u1 in c1 stored 2 times."


def test_copies_without_a_position_are_counted():
    run = SmallRun((1, 2))
    run.send(1, 1, 10)
    run.deliver(1, 1, 11, 2)
    for _ in range(5):
        store_again(run, 1, 0)
    found = run.verdict("duplicate")
    assert sentences(found) == ["The audit finds message 1 of u1 in c1 stored 5 times."]
    assert len(found.witnesses[0].records) == 4


def test_without_presentations_there_is_no_verdict():
    run = SmallRun((1, 2))
    for seq in range(1, 7):
        run.send(1, seq, 10 + seq)
    run.audit(1, 1, 2, 3, 4, 5, 6, head=6)
    found = run.verdict("duplicate")
    assert (found.outcome, found.examined) == ("unknown", 6)
    assert found.sentence == "No message was presented to anybody."


@pytest.mark.parametrize(("stored", "outcome"), [((1,), "unknown"), ((1, 2), "valid")])
def test_five_presentations_and_stored_messages_are_needed_for_a_verdict(stored, outcome):
    run = SmallRun((1, 2, 3, 4))
    for seq in (1, 2):
        run.send(1, seq, 10 + seq)
    run.deliver(1, 1, 12, 2, 3, 4)
    run.audit(1, *stored, head=2)
    found = run.verdict("duplicate")
    assert (found.outcome, found.examined) == (outcome, 3 + len(stored))


def test_only_messages_that_are_stored_are_examined_in_the_store():
    run = SmallRun((1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
    run.deliver(1, 1, 20, 2)
    run.audit(1, 3, head=3)
    found = run.verdict("duplicate")
    assert (found.count, found.examined) == (0, 1 + 1)
