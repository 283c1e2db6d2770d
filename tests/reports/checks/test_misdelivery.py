"""Who may receive what."""

import pytest

from gauntlet.core.history import Channel, Flag, Kind, RoomEvent

from ..small_runs import SmallRun, ns, sentences

KNOWN = {"conv": 1, "peer": 1, "sseq": 1, "seq": 1}


def run_of_two_rooms():
    """Return a run with u1 and u2 in c1, and u1 and u3 in c2."""
    run = SmallRun((1, 2), (1, 3))
    run.send(1, 1, 10)
    run.deliver(1, 1, 11, 2)
    return run


@pytest.mark.parametrize(
    ("kind", "changed", "what"),
    [
        (Kind.DELIVER, {}, "message 1 of u1 in c1 at position 1"),
        (Kind.RECEIVE, {"flags": Flag.DUPLICATE}, "message 1 of u1 in c1 at position 1"),
        (Kind.DELIVER, {"flags": Channel.HISTORY}, "message 1 of u1 in c1 at position 1"),
        (Kind.DELIVER, {"seq": 0}, "message 1 of u1 in c1"),
        (Kind.DELIVER, {"flags": Flag.FOREIGN}, "a message in c1 at position 1"),
        (Kind.ROOM, {"sseq": RoomEvent.ADDED}, "the event `added` of c1 at position 1"),
        (Kind.ROOM, {"sseq": 99}, "the event `unknown` of c1 at position 1"),
        (
            Kind.RECEIVE,
            {"sseq": RoomEvent.EXITED, "flags": Flag.ROOM_EVENT},
            "the event `exited` of c1 at position 1",
        ),
        (Kind.STRAY, {}, "message 1 of u1 in c1 at position 1"),
        (
            Kind.STRAY,
            {"flags": Flag.FOREIGN},
            "a message in a conversation that the load does not know at position 1",
        ),
    ],
)
def test_a_user_who_is_no_member_receives_nothing(kind, changed, what):
    run = run_of_two_rooms()
    run.add(kind, 12, **KNOWN | {"link": 3} | changed)
    found = run.verdict("misdelivery")
    assert sentences(found) == [f"u3 received {what} without being a member there."]
    assert (found.count, found.examined) == (1, 2)
    assert found.times_ns is not None
    assert found.times_ns.tolist() == [ns(12)]
    (witness,) = found.witnesses
    assert (witness.user, len(witness.records)) == (3, 1)
    assert witness.messages == ((0,) if "message 1" in what else ())


def test_what_only_the_audit_reads_is_received_by_no_user():
    run = run_of_two_rooms()
    run.add(Kind.DELIVER, 33, **KNOWN, link=3, flags=Channel.AUDIT)
    run.audit(1, 1, head=1)
    found = run.verdict("misdelivery")
    assert (sentences(found), found.examined) == ([], 1)


def test_a_stray_push_is_wrong_even_for_a_member():
    """The load records one only where the receiver is no member at that time."""
    run = run_of_two_rooms()
    run.add(Kind.STRAY, 12, **KNOWN, link=2)
    assert len(sentences(run.verdict("misdelivery"))) == 1


@pytest.mark.parametrize(
    ("seq", "is_wrong"), [(1, True), (2, False), (3, False), (4, True), (5, False), (0, False)]
)
def test_a_member_receives_what_was_sent_during_their_stays(seq, is_wrong):
    """They may read positions 2 and 3, and from 5 on; where the position is unknown, any."""
    run = SmallRun((1, 2))
    for first, last in ((2, 3), (5, 0)):
        run.add(Kind.RANGE, 33, conv=1, peer=2, seq=first, sseq=last)
    run.send(1, 1, 10)
    run.deliver(1, 1, 11, 2, seq=seq)
    assert bool(sentences(run.verdict("misdelivery"))) == is_wrong


@pytest.mark.parametrize(("copies", "outcome"), [(4, "unknown"), (5, "valid")])
def test_five_copies_are_needed_for_a_verdict(copies, outcome):
    run = SmallRun((1, 2))
    for seq in range(1, copies + 1):
        run.send(1, seq, 10 + seq)
        run.deliver(1, seq, 11 + seq, 2)
    found = run.verdict("misdelivery")
    assert (found.outcome, found.examined) == (outcome, copies)
