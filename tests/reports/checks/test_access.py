"""What a user who is no member may be answered."""

import pytest

from gauntlet.core.history import (
    RECORDED,
    STRANGER_SSEQ,
    Channel,
    Flag,
    Kind,
    Probe,
    ProbeResult,
    RoomEvent,
)
from gauntlet.core.scenario.capabilities import OPEN_ACCOUNTS, SERVER_SEQ

from ..small_runs import SmallRun, ns, sentences


def strangers():
    """Return a run with u1 and u2 in c1, of which u3 is no member."""
    return SmallRun((1, 2), (1, 3))


def probe(run, what, result, *, seq=0, message=0):
    """Let u3 try something in c1."""
    known = {"conv": 1, "link": 3, "peer": message, "sseq": what, "seq": seq}
    run.add(Kind.PROBE, 12, **known, spare=result)


@pytest.mark.parametrize(
    ("what", "obtained"),
    [
        (Probe.HISTORY, "read the history of c1, up to position 7"),
        (Probe.MEMBERS, "read the members of c1"),
        (Probe.SEND, "sent a message to c1"),
        (Probe.ENTER, "entered c1"),
        (Probe.HEAD, "was told the last position of c1, 7"),
    ],
)
@pytest.mark.parametrize("result", [ProbeResult.REFUSED, ProbeResult.GRANTED, ProbeResult.UNKNOWN])
def test_requests_of_strangers_are_refused(what, obtained, result):
    run = strangers()
    probe(run, what, result, seq=7)
    found = run.verdict("access")
    is_granted = result == ProbeResult.GRANTED
    assert sentences(found) == [f"u3 {obtained} without being a member."] * is_granted
    assert (found.count, found.examined) == (is_granted, int(result != ProbeResult.UNKNOWN))
    outcomes = {ProbeResult.REFUSED: "valid", ProbeResult.GRANTED: "invalid"}
    assert found.outcome == outcomes.get(result, "unknown")
    assert [witness.user for witness in found.witnesses] == [3] * is_granted


@pytest.mark.parametrize(
    ("what", "obtained"),
    [
        (Probe.IMPOSTOR, "read the history of c1"),
        (Probe.IMPOSTOR_SEND, "sent a message to c1"),
        (Probe.IMPOSTOR_CONNECT, "connected"),
    ],
)
@pytest.mark.parametrize("result", [ProbeResult.REFUSED, ProbeResult.GRANTED])
def test_a_login_that_the_server_has_not_issued_is_refused_to_members_too(what, obtained, result):
    run = strangers()
    run.add(Kind.MEMBERSHIP, 2, conv=1, link=1, peer=1, sseq=RoomEvent.ADDED, seq=1,
            spare=ProbeResult.GRANTED)  # fmt: skip
    run.add(Kind.PROBE, 12, ref_ns=ns(11.9), conv=1, link=1, sseq=what, seq=7, spare=result)
    found = run.verdict("access")
    text = f"An impostor {obtained} as u1, with a login that the server had not issued."
    assert sentences(found) == [text] * (result == ProbeResult.GRANTED)
    assert found.examined == 1


def test_a_run_without_strangers_is_not_judged():
    found = strangers().verdict("access")
    assert (found.outcome, found.sentence) == (
        "not-applicable",
        "No user made requests as a stranger.",
    )


@pytest.mark.parametrize(
    ("kind", "changed", "exists"),
    [
        (Kind.AUDIT, {"flags": Channel.AUDIT}, True),
        (Kind.DELIVER, {"link": 2}, True),
        (Kind.RECEIVE, {"link": 2, "flags": Flag.DUPLICATE}, True),
        (Kind.NAMED, {"link": 2}, False),
        (Kind.DELIVER, {"link": 2, "sseq": STRANGER_SSEQ - 1}, False),
        (Kind.DELIVER, {"link": 2, "flags": Flag.FOREIGN}, False),
        (Kind.DELIVER, {"link": 2, "flags": Flag.LEFTOVER}, False),
        # A user who is a member at that position may have sent it.
        (Kind.DELIVER, {"link": 2, "peer": 2}, False),
    ],
)
def test_a_message_of_a_stranger_does_not_exist(kind, changed, exists):
    run = strangers()
    probe(run, Probe.SEND, ProbeResult.REFUSED, message=STRANGER_SSEQ)
    known = {"conv": 1, "peer": 3, "sseq": STRANGER_SSEQ, "seq": 4}
    for at_s in (33, 33.5):
        run.add(kind, at_s, **known | changed)
    found = run.verdict("access")
    sentence = (
        "A message that u3 sent to c1 as a stranger exists, although the send was not acknowledged."
    )
    assert sentences(found) == [sentence] * exists
    assert (found.count, found.examined) == (exists, 1)
    for witness in found.witnesses:
        assert len(witness.records) == len(witness.messages) == 1


@pytest.mark.parametrize(
    ("result", "exists"),
    [(ProbeResult.REFUSED, True), (ProbeResult.UNKNOWN, True), (ProbeResult.GRANTED, False)],
)
def test_a_message_of_an_impostor_does_not_exist_although_they_act_as_a_member(result, exists):
    run = strangers()
    known = {"conv": 1, "link": 1, "peer": STRANGER_SSEQ + 5}
    run.add(Kind.PROBE, 12, **known, sseq=Probe.IMPOSTOR_SEND, spare=result)
    for at_s in (13, 14):
        run.add(Kind.DELIVER, at_s, conv=1, link=2, peer=1, sseq=STRANGER_SSEQ + 5, seq=4)
    sentence = (
        "A message that an impostor sent to c1 as u1 exists, although the send was not "
        "acknowledged."
    )
    granted = "An impostor sent a message to c1 as u1, with a login that the server had not issued."
    assert sentences(run.verdict("access")) == [sentence if exists else granted]


def test_messages_of_a_stranger_and_of_an_impostor_are_told_apart():
    run = strangers()
    probe(run, Probe.SEND, ProbeResult.REFUSED, message=STRANGER_SSEQ)
    of_impostor = {"conv": 1, "link": 1, "peer": STRANGER_SSEQ + 5, "sseq": Probe.IMPOSTOR_SEND}
    run.add(Kind.PROBE, 12, **of_impostor, spare=ProbeResult.REFUSED)
    for author, number in ((3, 0), (1, 5)):
        known = {"conv": 1, "link": 2, "peer": author, "sseq": STRANGER_SSEQ + number}
        run.add(Kind.DELIVER, 13, **known, seq=4 + number)
    exists = "exists, although the send was not acknowledged."
    assert sentences(run.verdict("access")) == [
        f"A message that u3 sent to c1 as a stranger {exists}",
        f"A message that an impostor sent to c1 as u1 {exists}",
    ]


def test_a_message_that_was_granted_is_counted_once():
    run = strangers()
    probe(run, Probe.SEND, ProbeResult.GRANTED, message=STRANGER_SSEQ)
    run.add(Kind.DELIVER, 13, conv=1, link=2, peer=3, sseq=STRANGER_SSEQ, seq=4)
    assert sentences(run.verdict("access")) == ["u3 sent a message to c1 without being a member."]
    run.add(Kind.DELIVER, 14, conv=1, link=2, peer=3, sseq=STRANGER_SSEQ + 1, seq=5)
    assert run.verdict("access").count == 2


@pytest.mark.parametrize(
    ("is_lost", "is_seen", "count"), [(True, False, 0), (True, True, 1), (False, False, 1)]
)
def test_what_a_server_acknowledges_without_storing_anything_is_no_access(is_lost, is_seen, count):
    """Then `lost-acked` reports the messages of members, which are lost as well."""
    run = strangers()
    run.send(1, 1, 10)
    run.audit(1, *(() if is_lost else (1,)), head=1)
    probe(run, Probe.SEND, ProbeResult.GRANTED, message=STRANGER_SSEQ)
    if is_seen:
        run.add(Kind.DELIVER, 13, conv=1, link=2, peer=3, sseq=STRANGER_SSEQ, seq=4)
    assert run.verdict("access").count == count


@pytest.mark.parametrize(
    ("subject", "event", "is_wrong"),
    [
        (3, RoomEvent.ENTERED, True),
        (3, RoomEvent.EXITED, False),
        (3, RoomEvent.ADDED, False),
        (2, RoomEvent.ENTERED, False),
        (0, RoomEvent.ENTERED, False),
    ],
)
@pytest.mark.parametrize("kind", [Kind.ROOM, Kind.AUDIT])
def test_a_user_who_was_never_a_member_does_not_enter(kind, subject, event, is_wrong):
    run = strangers()
    probe(run, Probe.ENTER, ProbeResult.REFUSED)
    shown = {"link": 2} if kind == Kind.ROOM else {"flags": Channel.AUDIT | Flag.ROOM_EVENT}
    for at_s in (33, 33.5):
        run.add(kind, at_s, conv=1, peer=subject, sseq=event, seq=4, **shown)
    found = run.verdict("access")
    assert (
        sentences(found)
        == ["Position 4 of c1 is the event `entered` of u3, who was never a member."] * is_wrong
    )
    run.story.scenario["checks"] = {"required": ["access"]}
    is_exit = (subject, event) == (3, RoomEvent.EXITED)
    assert run.verdict("access").count == (is_wrong or is_exit)


def test_a_message_whose_number_is_that_of_an_event_lets_no_user_enter():
    run = strangers()
    probe(run, Probe.ENTER, ProbeResult.REFUSED)
    known = {"conv": 1, "peer": 3, "sseq": RoomEvent.ENTERED, "seq": 4}
    run.add(Kind.AUDIT, 33, **known, flags=Channel.AUDIT)
    run.add(Kind.RECEIVE, 33, **known, link=2, flags=Flag.ROOM_EVENT)
    assert run.verdict("access").count == 0


def test_only_what_was_sent_can_be_acknowledged_without_being_stored():
    """A history that was read is obtained, whether or not messages of members are lost."""
    run = strangers()
    run.send(1, 1, 10)
    run.audit(1, head=1)
    probe(run, Probe.HISTORY, ProbeResult.GRANTED, message=STRANGER_SSEQ, seq=1)
    assert run.verdict("access").count == 1


def test_the_sentence_agrees_with_the_numbers():
    run = strangers()
    probe(run, Probe.HISTORY, ProbeResult.REFUSED)
    run.add(Kind.RANGE, 33, conv=1, peer=3, seq=1)
    assert run.verdict("access").sentence == (
        "In 1 case, users read, entered or wrote to conversations of others, in 1 answered request "
        "of a stranger. In 1 of these cases, the server names a member who was never added."
    )
    probe(run, Probe.HISTORY, ProbeResult.GRANTED, seq=1)
    assert run.verdict("access").sentence.startswith(
        "In 2 cases, users read, entered or wrote to conversations of others, in 2 answered "
        "requests of strangers."
    )


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (Probe.HISTORY, "A user read the history of c1, up to position 5 without being a member."),
        (
            Probe.IMPOSTOR_SEND,
            (
                "An impostor sent a message to c1 as a member, with a login that the server had "
                "not issued."
            ),
        ),
    ],
)
def test_a_history_of_others_need_not_say_who_tried(what, sentence):
    run = strangers()
    known = {"conv": 1, "sseq": what, "seq": 5, "spare": ProbeResult.GRANTED}
    run.add(Kind.PROBE, 12, **known)
    assert sentences(run.verdict("access")) == [sentence]


@pytest.mark.parametrize(("user", "expected"), [(2, []), (3, [1]), (0, [])])
def test_a_user_who_was_never_added_is_not_named_as_a_member(user, expected):
    run = strangers()
    probe(run, Probe.HISTORY, ProbeResult.REFUSED)
    for conv in (1, 1, 2):
        run.add(Kind.RANGE, 33, conv=conv, peer=user if conv == 1 else 3, seq=1)
    sentence = "The server names u3 as a member of c1, who was never added to it."
    assert sentences(run.verdict("access")) == [sentence for _ in expected]
    assert run.verdict("access").sentence.endswith("a member who was never added.") == bool(
        expected
    )
    run.story.scenario["target"] = {"adapter": RECORDED}
    assert run.verdict("access").count == 0


@pytest.mark.parametrize(("is_new", "count"), [(True, 1), (False, 0)])
def test_a_member_whom_an_earlier_run_added_is_no_stranger(is_new, count):
    """Without accounts of its own, a run has conversations of the same names as the last one."""
    run = strangers()
    run.without = "" if is_new else OPEN_ACCOUNTS
    run.story.scenario["target"] = {"stack": "external", "url": ["ws://127.0.0.1:9"]}
    probe(run, Probe.HISTORY, ProbeResult.REFUSED)
    for user in (1, 2, 3):
        run.add(Kind.RANGE, 33, conv=1, peer=user, seq=1)
    run.send(1, 1, 10)
    run.deliver(1, 1, 10.1, 2, 3)
    assert run.verdict("access").count == count
    assert run.verdict("misdelivery").count == count


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (3, []),
        (4, ["Position 4 of c1 is the event `entered` of u2, who was no member there."]),
        (6, []),
        (7, []),
    ],
)
def test_a_user_who_was_removed_does_not_enter(position, expected):
    """They may read positions 2 to 3, and from 6 on."""
    run = strangers()
    probe(run, Probe.ENTER, ProbeResult.REFUSED)
    for first, last in ((2, 3), (6, 0)):
        run.add(Kind.RANGE, 33, conv=1, peer=2, seq=first, sseq=last)
    flags = Channel.AUDIT | Flag.ROOM_EVENT
    run.add(Kind.AUDIT, 33, conv=1, peer=2, sseq=RoomEvent.ENTERED, seq=position, flags=flags)
    assert sentences(run.verdict("access")) == expected


def test_a_member_of_whom_no_earlier_range_is_known_may_have_entered_in_one():
    run = strangers()
    probe(run, Probe.ENTER, ProbeResult.REFUSED)
    run.add(Kind.RANGE, 33, conv=1, peer=2, seq=6)
    flags = Channel.AUDIT | Flag.ROOM_EVENT
    run.add(Kind.AUDIT, 33, conv=1, peer=2, sseq=RoomEvent.ENTERED, seq=4, flags=flags)
    assert sentences(run.verdict("access")) == []


def changed(*changes, audited=False):
    """Return a run in which u3 is removed from c1 at 10 s, and further (second, event, outcome)."""
    run = SmallRun((1, 2, 3))
    for at_s, event, outcome in ((10, RoomEvent.REMOVED, ProbeResult.GRANTED), *changes):
        position = int(at_s) if outcome == ProbeResult.GRANTED else 0
        known = {"conv": 1, "link": 1, "peer": 3, "sseq": event, "spare": outcome}
        run.add(Kind.MEMBERSHIP, at_s + 0.5, **known, seq=position, ref_ns=ns(at_s))
    if audited:
        run.audit(1, head=30)
        run.add(Kind.RANGE, 33, conv=1, peer=3, seq=1, sseq=10)
    return run


def attempt(run, at_s, what=Probe.MEMBERS, *, seq=2):
    """Let u3 obtain something of c1 in a tenth of a second."""
    known = {"conv": 1, "link": 3, "sseq": what, "seq": seq, "spare": ProbeResult.GRANTED}
    run.add(Kind.PROBE, at_s + 0.1, **known, ref_ns=ns(at_s))
    return run.verdict("access").count


ADDED_UNANSWERED = (14, RoomEvent.ADDED, ProbeResult.UNKNOWN)
REMOVED_AGAIN = (20, RoomEvent.REMOVED, ProbeResult.GRANTED)
REMOVED_UNANSWERED = (20, RoomEvent.REMOVED, ProbeResult.UNKNOWN)


@pytest.mark.parametrize(
    ("changes", "at_s", "count"),
    [
        ((), 13, 1),
        ((ADDED_UNANSWERED,), 13, 1),
        ((ADDED_UNANSWERED,), 13.95, 0),
        ((ADDED_UNANSWERED,), 25, 0),
        ((ADDED_UNANSWERED, REMOVED_AGAIN), 20.2, 0),
        ((ADDED_UNANSWERED, REMOVED_AGAIN), 20.6, 1),
        ((ADDED_UNANSWERED, REMOVED_UNANSWERED), 25, 0),
        (((14, RoomEvent.ADDED, ProbeResult.GRANTED),), 14.1, 0),
        (((14, RoomEvent.ADDED, ProbeResult.REFUSED),), 14.1, 1),
    ],
)
def test_who_may_have_been_added_may_read_until_they_are_removed(changes, at_s, count):
    assert attempt(changed(*changes), at_s) == count


@pytest.mark.parametrize("what", [Probe.HISTORY, Probe.HEAD])
@pytest.mark.parametrize(("seq", "audited", "count"), [(12, True, 1), (9, True, 0), (12, False, 0)])
def test_the_audit_shows_that_a_request_without_an_answer_added_no_member(
    what, seq, audited, count
):
    """They may read positions 1 to 10, and read up to another one."""
    assert attempt(changed(ADDED_UNANSWERED, audited=audited), 15, what, seq=seq) == count


@pytest.mark.parametrize(
    ("what", "changes", "audited", "without", "count"),
    [
        # A list of members has no position, up to which anything could be read.
        (Probe.MEMBERS, (), True, "", 0),
        (Probe.HISTORY, (), True, "", 1),
        # Without an audit, or positions, it is not known where they were added again.
        (Probe.HISTORY, ((3, RoomEvent.ADDED, ProbeResult.GRANTED),), False, "", 0),
        (Probe.HISTORY, (), True, SERVER_SEQ, 0),
    ],
)
def test_only_what_was_read_up_to_a_position_is_compared_with_what_the_audit_read(
    what, changes, audited, without, count
):
    run = changed(*changes, ADDED_UNANSWERED, audited=audited)
    run.without = without
    assert attempt(run, 15, what, seq=12) == count


@pytest.mark.parametrize(("seq", "count"), [(0, 0), (1, 1), (2, 1)])
def test_an_empty_history_does_not_show_that_a_request_added_no_member(seq, count):
    run = strangers()
    known = {"conv": 1, "link": 1, "peer": 3, "spare": ProbeResult.UNKNOWN}
    run.add(Kind.MEMBERSHIP, 10.1, **known, sseq=RoomEvent.ADDED, ref_ns=ns(10))
    run.audit(1, head=0)
    assert attempt(run, 15, Probe.HISTORY, seq=seq) == count


def test_the_first_of_all_users_may_be_a_stranger():
    run = SmallRun((2, 3), (1, 2))
    run.add(Kind.PROBE, 12, conv=1, link=1, sseq=Probe.ENTER, spare=ProbeResult.REFUSED)
    run.add(Kind.ROOM, 13, conv=1, link=2, peer=1, sseq=RoomEvent.ENTERED, seq=4)
    run.add(Kind.RANGE, 33, conv=1, peer=1, seq=1)
    assert sentences(run.verdict("access")) == [
        "Position 4 of c1 is the event `entered` of u1, who was never a member.",
        "The server names u1 as a member of c1, who was never added to it.",
    ]


def test_a_user_who_was_a_member_from_the_beginning_does_not_enter_after_their_removal():
    run = strangers()
    probe(run, Probe.ENTER, ProbeResult.REFUSED)
    run.add(Kind.RANGE, 33, conv=1, peer=2, seq=1, sseq=3)
    run.add(Kind.ROOM, 20, conv=1, link=1, peer=2, sseq=RoomEvent.ENTERED, seq=4)
    assert sentences(run.verdict("access")) == [
        "Position 4 of c1 is the event `entered` of u2, who was no member there."
    ]


@pytest.mark.parametrize(("changes", "count"), [((), 1), ((ADDED_UNANSWERED,), 0)])
def test_who_may_have_been_added_may_send_and_enter(changes, count):
    run = changed((3, RoomEvent.ADDED, ProbeResult.GRANTED), *changes)
    run.add(Kind.PROBE, 12, conv=1, link=3, sseq=Probe.SEND, spare=ProbeResult.REFUSED)
    run.add(Kind.DELIVER, 15, conv=1, link=2, peer=3, sseq=STRANGER_SSEQ, seq=15)
    run.add(Kind.ROOM, 15, conv=1, link=2, peer=3, sseq=RoomEvent.ENTERED, seq=16)
    assert run.verdict("access").count == 2 * count


BLOCKED = {
    Probe.BLOCKED_SEND: "A user sent a direct message to another one who blocks them.",
    Probe.BLOCKED_REQUEST: "A user requested the friendship of another one who blocks them.",
}


@pytest.mark.parametrize("what", BLOCKED)
@pytest.mark.parametrize("result", [ProbeResult.REFUSED, ProbeResult.GRANTED, ProbeResult.UNKNOWN])
def test_a_user_who_is_blocked_is_refused(what, result):
    """The record has a member's connection, because the accounts take no part in the load."""
    run = strangers()
    run.add(Kind.PROBE, 12, ref_ns=ns(11.9), conv=1, link=1, sseq=what, seq=7, spare=result)
    found = run.verdict("access")
    assert sentences(found) == [BLOCKED[what]] * (result == ProbeResult.GRANTED)
    assert found.examined == int(result != ProbeResult.UNKNOWN)


@pytest.mark.parametrize(
    ("fault", "count"),
    [((4, 4.9), 0), ((4, 4.8), 1), ((8, 9), 0), ((12, 13), 0), ((12.1, 13), 1), ((4, None), 0)],
)
def test_a_fault_may_keep_a_block_from_taking_effect(fault, count):
    """The attempt lasts from 11.9 s to 12 s; the block is 5 s older, and a recovery takes 2 s."""
    run = SmallRun((1, 2), (3,), recovery_window=2)
    run.fault(*fault)
    known = {"conv": 1, "link": 1, "sseq": Probe.BLOCKED_SEND, "spare": ProbeResult.GRANTED}
    run.add(Kind.PROBE, 12, ref_ns=ns(11.9), **known)
    assert run.verdict("access").count == count
