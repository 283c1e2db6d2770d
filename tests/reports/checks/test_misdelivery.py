"""Who may receive what."""

import pytest

from gauntlet.core.history import RECORDED, Channel, Flag, Kind, ProbeResult, RoomEvent

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
        (
            Kind.STRAY,
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


@pytest.mark.parametrize(("link", "count"), [(3, 1), (2, 0)])
def test_a_push_that_was_held_back_and_never_presented_has_reached_its_receiver(link, count):
    run = run_of_two_rooms()
    run.add(Kind.ARRIVED, 12, **KNOWN | {"sseq": 2, "seq": 2}, link=link, spare=1)
    found = run.verdict("misdelivery")
    assert (found.count, found.examined) == (count, 2)


def removed_for_a_time(adapter=RECORDED):
    """Return a run in which u2 was out of c1 from 11.1 s to 13 s, which only these times show."""
    run = SmallRun((1, 2, 3), target={"adapter": adapter})
    for user in (1, 3):
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1)
    known = {"conv": 1, "link": 1, "peer": 2, "spare": ProbeResult.GRANTED}
    for at_s, event in ((11, RoomEvent.REMOVED), (13, RoomEvent.ADDED)):
        run.add(Kind.MEMBERSHIP, at_s + 0.1, **known, sseq=event, ref_ns=ns(at_s))
    return run


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("sent_s", "pushed_s", "flags", "is_wrong"),
    [
        (11.5, 12, 0, True),
        (11.5, 12, Channel.RESYNC, True),
        # They may read later what others wrote then, and be pushed what was sent before.
        (11.5, 12, Channel.HISTORY, False),
        (11.5, 13.5, 0, False),
        (10.5, 12, 0, False),
        # It is not known when this body was sent, or by whom.
        (11.5, 12, Flag.FOREIGN, False),
        (None, 12, 0, False),
    ],
)
def test_nothing_is_pushed_to_a_member_that_was_sent_and_received_while_they_were_out(
    number, sent_s, pushed_s, flags, is_wrong
):
    """The message in question is the first or the last one of the run."""
    run = removed_for_a_time()
    run.send(1, 0, 11.4, sseq=3 - number)
    if sent_s:
        run.send(1, 0, sent_s, sseq=number)
    run.deliver(1, number, pushed_s, 2, seq=0, flags=flags)
    found = run.verdict("misdelivery")
    text = f"u2 received message {number} of u1 in c1 without being a member there."
    assert sentences(found) == [text] * is_wrong


def test_what_a_load_pushes_is_judged_by_positions_and_not_by_times():
    run = removed_for_a_time(adapter="reference")
    run.send(1, 0, 11.5, sseq=1)
    run.deliver(1, 1, 12, 2, seq=0)
    assert sentences(run.verdict("misdelivery")) == []
