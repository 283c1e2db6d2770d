"""Since when it is proven that a message without an answer is stored."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent
from gauntlet.reports.history.arrays import NEVER

from ..small_runs import SmallRun, ns


def unanswered(end=Kind.UNKNOWN, position=2, *, is_stored=True):
    """Return a run in which the send of message 2 ends at 11 s, and the audit finds it."""
    run = SmallRun((1, 2), (1, 2))
    run.send(1, 2, 10, end=end, took_s=1)
    if is_stored:
        known = {"conv": 1, "peer": 1, "sseq": 2, "seq": position}
        run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT)
    return run


def since(run):
    """Return since when message 2 is proven to be stored."""
    history = run.history()
    messages = history.messages
    return int(history.proven_stored_ns[(messages.conv == 1) & (messages.sseq == 2)][0])


@pytest.mark.parametrize(
    ("kind", "changed", "is_proof"),
    [
        # A later position, or the message itself, was seen at 15 s.
        (Kind.DELIVER, {"sseq": 3, "seq": 3}, True),
        (Kind.DELIVER, {"sseq": 2, "seq": 2}, True),
        (Kind.DELIVER, {"sseq": 2, "seq": 0}, True),
        (Kind.RECEIVE, {"sseq": 3, "seq": 3}, True),
        (Kind.ROOM, {"sseq": RoomEvent.ADDED, "seq": 3}, True),
        (Kind.ACK, {"sseq": 3, "seq": 3}, True),
        (Kind.DELIVER, {"sseq": 1, "seq": 1}, False),
        (Kind.DELIVER, {"sseq": 3, "seq": 3, "flags": Flag.FOREIGN}, False),
        (Kind.DELIVER, {"sseq": 3, "seq": 3, "flags": Flag.LEFTOVER}, False),
        (Kind.DELIVER, {"sseq": 3, "seq": 3, "conv": 2}, False),
        (Kind.PAGE, {"sseq": 3, "seq": 3}, False),
        (Kind.NAMED, {"sseq": 3, "seq": 3}, False),
    ],
)
def test_a_later_position_or_the_message_itself_proves_it(kind, changed, is_proof):
    run = unanswered()
    run.add(kind, 15, **{"conv": 1, "link": 2, "peer": 1} | changed)
    run.deliver(1, 9, 20, 2)
    assert since(run) == ns(15 if is_proof else 20)


def test_without_a_proof_there_is_no_time():
    assert since(unanswered()) == NEVER


@pytest.mark.parametrize(
    "run",
    [unanswered(Kind.ACK), unanswered(Kind.REJECT), unanswered(is_stored=False)],
    ids=["acknowledged", "refused", "not stored"],
)
def test_other_messages_have_no_time(run):
    run.deliver(1, 2, 15, 2)
    run.deliver(1, 3, 15, 2)
    assert since(run) == NEVER


def test_what_was_stored_but_never_sent_has_no_time():
    run = SmallRun((1, 2), (1, 2))
    run.audit(1, 2, head=2)
    run.deliver(1, 2, 15, 2)
    assert since(run) == NEVER


def test_the_first_position_is_reached_by_any_other():
    run = unanswered(position=1)
    run.deliver(1, 9, 15, 2)
    assert since(run) == ns(15)


def test_an_event_before_the_message_proves_nothing():
    run = unanswered()
    run.add(Kind.ROOM, 15, conv=1, link=2, peer=1, sseq=RoomEvent.ADDED, seq=1)
    assert since(run) == NEVER


def test_a_message_without_a_position_is_only_proven_by_itself():
    run = unanswered(position=0)
    run.deliver(1, 3, 15, 2)
    assert since(run) == NEVER
    run.deliver(1, 2, 16, 2, seq=0)
    assert since(run) == ns(16)


def test_each_conversation_has_proofs_of_its_own():
    """The highest position of the first one is no proof for the second one, nor the reverse."""
    run = unanswered()
    run.send(2, 5, 10, end=Kind.UNKNOWN)
    run.audit(2, 5, head=5)
    run.deliver(1, 9, 14, 2)
    run.deliver(2, 4, 13, 2)
    run.deliver(2, 6, 16, 2)
    proven = run.history().proven_stored_ns
    assert sorted(proven[proven < NEVER].tolist()) == [ns(14), ns(16)]
