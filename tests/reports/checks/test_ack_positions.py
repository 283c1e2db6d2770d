"""Which acknowledgements name a position, and which of these positions are wrong."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, PageFlag
from gauntlet.reports.checks._ack_positions import misplaced_acks, placed_acks, unsent_acks

from ..small_runs import SmallRun, ns


def acknowledged(**changed):
    """Return a run in which u1 sends three messages; the second one is acknowledged at 2."""
    run = SmallRun((1, 2))
    for seq in (1, 2, 3):
        run.send(1, seq, 10 + seq)
    (ack,) = run.story.at(Kind.ACK, sseq=2)
    run.story.change(ack, **changed)
    return run


def of_second(history, records):
    """Return whether the records are those of the acknowledgement of the second message."""
    return [int(history.records["sseq"][at]) for at in records.tolist()] == [2]


@pytest.mark.parametrize("seq", [0, 2, 9])
def test_the_acknowledgement_of_what_was_never_sent_makes_no_position_known(seq):
    run = acknowledged()
    run.audit(1, 1, 2, 3, head=3)
    run.add(Kind.ACK, 14, conv=1, link=1, peer=1, sseq=9, seq=seq, spare=1)
    history = run.history()
    (record,) = history.records[unsent_acks(history)]
    assert (record["sseq"], record["seq"]) == (9, seq)
    known = {"ref_ns": ns(20), "conv": 1, "link": 2, "spare": PageFlag.LAST}
    run.add(Kind.PAGE, 21, **known, peer=3, sseq=3)
    counts = {name: run.verdict(name).count for name in ("history-regress", "position")}
    assert counts == {"history-regress": 0, "position": 0}
    assert run.verdict("ack-content").count == 1


@pytest.mark.parametrize(
    ("kind", "changed", "is_placed"),
    [
        (Kind.DELIVER, {}, True),
        (Kind.RECEIVE, {"flags": Flag.DUPLICATE}, True),
        (Kind.ARRIVED, {}, True),
        (Kind.AUDIT, {"link": 0, "flags": Channel.AUDIT}, True),
        (Kind.STAMP, {}, False),
        # Seen without a position, or not the message at all.
        (Kind.DELIVER, {"seq": 0}, False),
        (Kind.DELIVER, {"flags": Flag.FOREIGN}, False),
        (Kind.DELIVER, {"flags": Flag.LEFTOVER}, False),
    ],
)
@pytest.mark.parametrize("seq", [2, 7])
def test_an_acknowledgement_can_be_checked_if_its_message_was_seen_at_a_position(
    kind, changed, is_placed, seq
):
    run = acknowledged()
    known = {"conv": 1, "link": 2, "peer": 1, "sseq": 2, "seq": seq}
    run.add(kind, 20, **known | changed)
    history = run.history()
    assert of_second(history, placed_acks(history)) is is_placed
    assert of_second(history, misplaced_acks(history)) is (is_placed and seq != 2)


@pytest.mark.parametrize("changed", [{"seq": 0}, {"flags": Flag.HANDED_OVER}])
def test_an_acknowledgement_without_a_position_is_not_checked(changed):
    """One that was handed over does not say that the message is stored."""
    run = acknowledged(**changed)
    run.deliver(1, 2, 20, 2, seq=7)
    assert placed_acks(run.history()).size == 0


def test_what_was_never_sent_and_seen_at_a_position_says_nothing_of_other_messages():
    run = acknowledged()
    for flags in (Flag.FOREIGN, Flag.LEFTOVER):
        run.deliver(1, 3, 20, 2, flags=flags)
    assert placed_acks(run.history()).size == 0


@pytest.mark.parametrize(("seen", "is_wrong"), [((2,), False), ((7,), True), ((7, 2), False)])
def test_a_message_that_was_seen_at_several_positions_may_be_acknowledged_at_any(seen, is_wrong):
    run = acknowledged()
    for seq in seen:
        run.deliver(1, 2, 20, 2, seq=seq)
    assert (misplaced_acks(run.history()).size == 1) is is_wrong
