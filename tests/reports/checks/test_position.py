"""Which claims of a position contradict each other."""

import pytest

from gauntlet.core.history import RECORDED, Channel, Flag, Kind, RoomEvent

from ..small_runs import SmallRun, sentences


def placed(**scenario):
    """Return a run of three messages that are acknowledged, received and stored where they are."""
    run = SmallRun((1, 2), **scenario)
    for seq in (1, 2, 3):
        run.send(1, seq, 9 + seq)
        run.deliver(1, seq, 9.5 + seq, 2)
    run.audit(1, 1, 2, 3, head=3)
    return run


def title(seq):
    return f"message {seq} of u1 in c1"


def test_claims_that_agree_are_examined_once():
    run = placed()
    found = run.verdict("position")
    assert (found.count, found.examined) == (0, 3)


@pytest.mark.parametrize(
    ("kind", "flags"),
    [(Kind.DELIVER, 0), (Kind.RECEIVE, Flag.DUPLICATE), (Kind.AUDIT, Channel.AUDIT)],
)
def test_a_position_holds_one_message(kind, flags):
    run = placed()
    link = 0 if kind == Kind.AUDIT else 2
    run.send(1, 4, 15, end=Kind.UNKNOWN)
    run.add(kind, 33, conv=1, link=link, peer=1, sseq=4, seq=2, flags=flags)
    found = run.verdict("position")
    assert sentences(found) == [f"Position 2 of c1 is held by {title(2)} and by {title(4)}."]
    assert (found.count, found.examined) == (1, 4)
    assert found.witnesses[0].messages == (1, 3)


def test_a_message_has_one_position():
    run = placed()
    run.deliver(1, 2, 20, 2, seq=7)
    found = run.verdict("position")
    assert sentences(found) == [f"Claims place {title(2)} at several positions: 2, 7."]
    assert (found.count, found.examined, found.witnesses[0].messages) == (1, 4, (1,))


def test_copies_that_are_all_stored_concern_another_check():
    run = placed()
    run.add(Kind.AUDIT, 33, conv=1, peer=1, sseq=2, seq=7, flags=Channel.AUDIT)
    found = run.verdict("position")
    assert (found.count, found.examined) == (0, 4)
    run.deliver(1, 2, 20, 2, seq=8)
    assert sentences(run.verdict("position")) == [
        f"Claims place {title(2)} at several positions: 2, 7, 8."
    ]


def test_a_room_event_and_a_message_of_an_earlier_run_hold_positions_too():
    run = placed()
    run.add(Kind.ROOM, 20, conv=1, link=2, peer=2, sseq=RoomEvent.ADDED, seq=3)
    run.add(Kind.DELIVER, 20, conv=1, link=2, peer=1, sseq=9, seq=1, flags=Flag.LEFTOVER)
    found = run.verdict("position")
    assert sentences(found) == [
        f"Position 1 of c1 is held by {title(1)} and by a message of an earlier run.",
        f"Position 3 of c1 is held by {title(3)} and by a room event.",
    ]
    assert (found.count, found.examined) == (2, 5)


@pytest.mark.parametrize(
    ("second", "count"),
    [
        ({"peer": 2, "sseq": RoomEvent.ADDED}, 0),
        ({"peer": 1, "sseq": RoomEvent.ADDED}, 1),
        ({"peer": 2, "sseq": RoomEvent.REMOVED}, 1),
    ],
)
def test_a_position_holds_one_room_event(second, count):
    run = placed()
    run.add(Kind.ROOM, 20, conv=1, link=2, peer=2, sseq=RoomEvent.ADDED, seq=4)
    run.add(Kind.AUDIT, 33, conv=1, seq=4, flags=Channel.AUDIT | Flag.ROOM_EVENT, **second)
    assert run.verdict("position").count == count


@pytest.mark.parametrize(("required", "count"), [("exit", 0), ("position", 1)])
def test_whose_exit_it_is_concerns_another_check(required, count):
    run = placed(checks={"required": [required]})
    for user, at_s in ((1, 20), (2, 21)):
        run.add(Kind.ROOM, at_s, conv=1, link=2, peer=user, sseq=RoomEvent.EXITED, seq=4)
    assert run.verdict("position").count == count


@pytest.mark.parametrize(
    ("kind", "changed", "what"),
    [
        (Kind.DELIVER, {"link": 2}, f"In c1, {title(2)} was received by u2 without a position."),
        (Kind.RECEIVE, {"link": 2}, f"In c1, {title(2)} was received by u2 without a position."),
        (Kind.AUDIT, {"flags": Channel.AUDIT}, f"In c1, {title(2)} is stored without a position."),
        (
            Kind.ROOM,
            {"link": 2, "sseq": RoomEvent.ADDED},
            "In c1, a room event was received by u2 without a position.",
        ),
        (
            Kind.AUDIT,
            {"flags": Channel.AUDIT | Flag.ROOM_EVENT},
            "In c1, a room event is stored without a position.",
        ),
        # An acknowledgement need not name one, and what was never sent has none to claim.
        (Kind.ACK, {"link": 1}, ""),
        (Kind.DELIVER, {"link": 2, "sseq": 77}, ""),
        (Kind.DELIVER, {"link": 2, "flags": Flag.FOREIGN}, ""),
    ],
)
def test_what_is_received_or_stored_has_a_position(kind, changed, what):
    run = placed()
    run.add(kind, 33, **{"conv": 1, "peer": 1, "sseq": 2, "seq": 0} | changed)
    found = run.verdict("position")
    assert sentences(found) == [what] * bool(what)
    assert (found.count, found.examined) == (bool(what), 3 + bool(what))
    messages = () if "room event" in what else (1,)
    assert [witness.messages for witness in found.witnesses] == [messages] * bool(what)


@pytest.mark.parametrize(("count", "outcome"), [(4, "unknown"), (5, "valid")])
def test_five_claims_are_needed_for_a_verdict(count, outcome):
    run = SmallRun((1, 2))
    for seq in range(1, count + 1):
        run.send(1, seq, 9 + seq)
        run.deliver(1, seq, 9.5 + seq, 2)
    found = run.verdict("position")
    assert (found.outcome, found.examined) == (outcome, count)


def test_the_first_message_is_named_if_it_has_no_position():
    run = placed()
    run.deliver(1, 1, 20, 2, seq=0)
    found = run.verdict("position")
    assert sentences(found) == [f"In c1, {title(1)} was received by u2 without a position."]
    assert found.witnesses[0].messages == (0,)


@pytest.mark.parametrize(
    ("required", "count"), [("ack-content", 0), ("lost-acked", 1), ("position", 1)]
)
def test_a_wrong_position_of_an_acknowledgement_concerns_the_check_that_names_it(required, count):
    run = placed(checks={"required": [required]})
    run.story.change(run.story.at(Kind.ACK, sseq=2)[0], seq=7)
    assert run.verdict("position").count == count


@pytest.mark.parametrize(
    ("required", "count"), [("lost-acked", 0), ("ack-content", 1), ("position", 1)]
)
def test_the_position_of_a_lost_message_concerns_the_check_that_names_it(required, count):
    run = placed(checks={"required": [required]})
    run.send(1, 2, 15, sseq=4)
    assert run.verdict("position").count == count


def test_a_copy_that_is_stored_without_a_position_does_not_make_all_claims_those_of_the_audit():
    run = SmallRun((1, 2))
    run.send(1, 2, 10)
    run.deliver(1, 2, 11, 2)
    for at_s, seq in ((33, 0), (34, 7)):
        run.add(Kind.AUDIT, at_s, conv=1, peer=1, sseq=2, seq=seq, flags=Channel.AUDIT)
    assert sentences(run.verdict("position")) == [
        f"In c1, {title(2)} is stored without a position.",
        f"Claims place {title(2)} at several positions: 2, 7.",
    ]


@pytest.mark.parametrize(
    ("other", "count"),
    [
        ({"peer": 1, "sseq": 9}, 0),
        ({"peer": 2, "sseq": 9}, 1),
        ({"peer": 1, "sseq": 8}, 1),
        ({"peer": 2, "sseq": 8}, 1),
    ],
)
def test_a_position_holds_one_message_of_earlier_runs(other, count):
    run = placed()
    for at_s, message in ((20, {"peer": 1, "sseq": 9}), (21, other)):
        run.add(Kind.DELIVER, at_s, conv=1, link=2, **message, seq=7, flags=Flag.LEFTOVER)
    found = run.verdict("position")
    assert (found.count, found.examined) == (count, 3 + 1 + count)


@pytest.mark.parametrize(("end", "count"), [(Kind.ACK, 1), (Kind.UNKNOWN, 1), (Kind.REJECT, 0)])
def test_what_was_sent_and_not_refused_has_a_position_when_it_is_received(end, count):
    run = placed()
    run.send(1, 0, 20, sseq=4, end=end)
    run.deliver(1, 4, 21, 2, seq=0)
    assert run.verdict("position").count == count


@pytest.mark.parametrize(("adapter", "named"), [(RECORDED, [1]), ("reference", [1, 2, 3])])
def test_a_log_need_not_have_the_position_of_every_message(adapter, named):
    run = SmallRun((1, 2), target={"adapter": adapter})
    for number, seq in ((1, 1), (2, 0), (3, 0)):
        run.send(1, seq, 9 + number, sseq=number)
        run.deliver(1, number, 20, 2, seq=0)
    assert sentences(run.verdict("position")) == [
        f"In c1, {title(number)} was received by u2 without a position." for number in named
    ]
