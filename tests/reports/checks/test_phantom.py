"""What was never sent, was refused, or is corrupt."""

import pytest

from gauntlet.core.history import (
    RECORDED,
    STRANGER_SSEQ,
    Channel,
    Flag,
    Kind,
    NamedFlag,
    RoomEvent,
)
from gauntlet.core.scenario.traits import Traits

from ..small_runs import SmallRun, ns, sentences

TITLE = "message 1 of u1 in c1"


def sent(end=Kind.ACK):
    """Return a run in which u1 sends a message, which ends in some way."""
    run = SmallRun((1, 2))
    run.send(1, 1, 10, end=end)
    return run


@pytest.mark.parametrize("ends", [(Kind.UNKNOWN, Kind.REJECT), (Kind.REJECT, Kind.UNKNOWN)])
def test_one_attempt_may_have_been_refused_and_another_one_not_answered(ends):
    """A recorded history may have an outcome of each attempt."""
    run = sent(ends[0])
    known = {"conv": 1, "link": 1, "peer": 1, "sseq": 1, "ref_ns": ns(10)}
    run.add(Kind.ATTEMPT, 12, **known, spare=2)
    run.add(ends[1], 13, **known, spare=2)
    run.deliver(1, 1, 14, 2)
    assert run.verdict("phantom").count == 0


@pytest.mark.parametrize(
    ("end", "changed", "fault"),
    [
        (Kind.ACK, {}, ""),
        (Kind.UNKNOWN, {}, ""),
        (Kind.REJECT, {}, f"{TITLE}, which the server had refused as not stored"),
        (Kind.ACK, {"sseq": 7}, "message 7 of u1 in c1, which was never sent"),
        (Kind.ACK, {"peer": 2}, "message 1 of u2 in c1, which was never sent"),
        (Kind.ACK, {"flags": Flag.CRC_BAD}, f"{TITLE} with a body whose checksum fails"),
        (Kind.ACK, {"flags": Flag.FOREIGN}, "a body that was never sent there"),
        (Kind.ACK, {"flags": Flag.FOREIGN | Flag.CRC_BAD}, "a body that was never sent there"),
        # The message of an earlier run, a room event, and what a stranger sent are none.
        (Kind.ACK, {"flags": Flag.LEFTOVER, "sseq": 7}, ""),
        (Kind.ACK, {"flags": Flag.ROOM_EVENT, "sseq": RoomEvent.EXITED, "peer": 2}, ""),
        (Kind.ACK, {"sseq": STRANGER_SSEQ}, ""),
        (Kind.ACK, {"sseq": STRANGER_SSEQ - 1}, "never sent"),
        (Kind.ACK, {"sseq": STRANGER_SSEQ, "flags": Flag.CRC_BAD}, "checksum fails"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "reader", "flags"),
    [
        (Kind.DELIVER, 2, Channel.LIVE),
        (Kind.RECEIVE, 2, Flag.DUPLICATE),
        (Kind.AUDIT, 0, Channel.AUDIT),
    ],
)
def test_what_is_received_or_stored_was_sent(kind, reader, flags, end, changed, fault):
    run = sent(end)
    known = {"conv": 1, "link": reader, "peer": 1, "sseq": 1, "seq": 4}
    run.add(kind, 33, **known | changed | {"flags": changed.get("flags", 0) | flags})
    found = run.verdict("phantom")
    where = "u2 received" if reader else "the audit found"
    start = f"At position 4 of c1 {where} "
    assert [sentence.startswith(start) for sentence in sentences(found)] == [True] * bool(fault)
    if fault:
        (witness,) = found.witnesses
        assert fault in witness.sentence
        assert (witness.user, len(witness.records)) == (reader, 1)
        assert bool(witness.messages) == ("message" in witness.sentence)
        assert found.times_ns is not None
        assert found.times_ns.tolist() == [ns(33)]
    excluded = changed.get("flags", 0) & (Flag.LEFTOVER | Flag.ROOM_EVENT) != 0
    assert (found.count, found.examined) == (bool(fault), int(not excluded))


def test_a_message_that_was_refused_once_and_acknowledged_then_is_none():
    run = sent(Kind.REJECT)
    run.add(Kind.ACK, 11, conv=1, link=1, peer=1, sseq=1, seq=1)
    run.deliver(1, 1, 12, 2)
    assert sentences(run.verdict("phantom")) == []


def test_a_phantom_without_a_position_is_in_its_conversation():
    run = sent()
    run.deliver(1, 7, 12, 2, seq=0)
    assert sentences(run.verdict("phantom")) == [
        "In c1 u2 received message 7 of u1 in c1, which was never sent."
    ]


def test_if_no_user_received_anything_the_storage_alone_gives_no_verdict():
    run = SmallRun((1, 2))
    for seq in range(1, 7):
        run.send(1, seq, 10 + seq)
    run.audit(1, 1, 2, 3, 4, 5, 6, head=6)
    found = run.verdict("phantom")
    assert (found.outcome, found.examined) == ("unknown", 6)
    assert found.sentence == "No user received anything, so only the storage was examined."


@pytest.mark.parametrize(("stored", "outcome"), [((1, 2, 3), "unknown"), ((1, 2, 3, 4), "valid")])
def test_five_copies_are_needed_for_a_verdict(stored, outcome):
    run = SmallRun((1, 2))
    for seq in (1, 2, 3, 4):
        run.send(1, seq, 10 + seq)
    run.deliver(1, 1, 15, 2)
    run.audit(1, *stored, head=4)
    found = run.verdict("phantom")
    assert (found.outcome, found.examined) == (outcome, 1 + len(stored))


def test_a_message_of_a_stranger_is_none_even_if_it_is_the_only_one():
    run = SmallRun((1, 2))
    run.add(Kind.DELIVER, 12, conv=1, link=2, peer=1, sseq=STRANGER_SSEQ, seq=1)
    found = run.verdict("phantom")
    assert (sentences(found), found.examined) == ([], 1)


@pytest.mark.parametrize(
    ("spare", "flags", "where"),
    [
        (NamedFlag.SHOWN, Channel.LIVE, ""),
        (NamedFlag.SHOWN | NamedFlag.OTHER_MESSAGE, Channel.LIVE, "u2 received"),
        (NamedFlag.SHOWN | NamedFlag.OTHER_MESSAGE, Channel.HISTORY, "u2 received"),
        (NamedFlag.OTHER_MESSAGE, Channel.AUDIT, "the audit found"),
        (0, Channel.AUDIT, ""),
        # That an acknowledgement names another message is the concern of `ack-content`.
        (NamedFlag.OTHER_MESSAGE, Channel.LIVE, ""),
    ],
)
def test_a_copy_has_the_id_that_its_sender_chose(spare, flags, where):
    run = sent()
    run.deliver(1, 1, 11, 2)
    reader = 0 if flags == Channel.AUDIT else 2
    known = {"conv": 1, "link": reader, "peer": 1, "sseq": 1, "seq": 1, "ref_ns": 7}
    run.add(Kind.NAMED, 11, **known, flags=flags, spare=spare)
    found = run.verdict("phantom")
    sentence = f"At position 1 of c1 {where} {TITLE} with another id than the one its sender chose."
    assert sentences(found) == ([sentence] if where else [])
    # What names a copy is no further copy.
    assert found.examined == 1


def test_the_name_of_what_was_never_sent_is_not_counted_again():
    run = sent()
    known = {"conv": 1, "link": 2, "peer": 1, "sseq": 1, "flags": Flag.FOREIGN}
    run.add(Kind.NAMED, 11, **known, spare=NamedFlag.SHOWN | NamedFlag.OTHER_MESSAGE)
    assert not run.verdict("phantom").count


@pytest.mark.parametrize("number", [1, 7])
def test_a_push_that_an_inbox_held_back_and_never_presented_was_sent(number):
    run = sent()
    run.deliver(1, number, 12, 2, kind=Kind.ARRIVED)
    found = run.verdict("phantom")
    was_sent = number == 1
    title = f"message {number} of u1 in c1"
    sentence = f"At position {number} of c1 u2 received {title}, which was never sent."
    assert sentences(found) == ([] if was_sent else [sentence])
    assert found.examined == 1


RECORDED_BY_OTHERS = {"target": {"adapter": RECORDED}}


@pytest.mark.parametrize(
    ("scenario", "edits", "changed", "is_edited"),
    [
        (RECORDED_BY_OTHERS, True, {"flags": Flag.CRC_BAD}, True),
        (RECORDED_BY_OTHERS, False, {"flags": Flag.CRC_BAD}, False),
        # Users of a load edit nothing.
        ({}, True, {"flags": Flag.CRC_BAD}, False),
        # What was never sent, or is in another conversation, was not made by an edit.
        (RECORDED_BY_OTHERS, True, {"flags": Flag.CRC_BAD, "sseq": 7}, False),
        (RECORDED_BY_OTHERS, True, {"flags": Flag.CRC_BAD | Flag.FOREIGN}, False),
        (RECORDED_BY_OTHERS, True, {"flags": Flag.FOREIGN}, False),
    ],
)
def test_another_content_is_no_violation_where_users_may_edit_messages(
    scenario, edits, changed, is_edited
):
    run = SmallRun((1, 2), **scenario)
    run.traits = Traits(edits=edits)
    for seq in (1, 2, 3, 4, 5):
        run.send(1, seq, 9 + seq)
        run.deliver(1, seq, 20, 2)
    run.add(Kind.DELIVER, 21, **{"conv": 1, "link": 2, "peer": 1, "sseq": 1, "seq": 1} | changed)
    found = run.verdict("phantom")
    assert (found.count, found.examined) == (int(not is_edited), 6)
    told = "1 more has another content than was sent, which the adapter declares as allowed."
    assert (told in found.sentence) is is_edited


def test_ten_of_many_violations_are_described():
    run = sent()
    for seq in range(2, 13):
        run.deliver(1, seq, 12, 2)
    found = run.verdict("phantom")
    assert (found.count, len(found.witnesses)) == (11, 10)
