"""Which deliveries are expected, and by when."""

import pytest

from gauntlet.core.history import RECORDED, Channel, Flag, Kind, ProbeResult, RoomEvent
from gauntlet.core.scenario.capabilities import HISTORY
from gauntlet.core.scenario.traits import Traits

from ..small_runs import NS, SmallRun, ns, sentences

S = 1_000_000_000
DAY_S = 24 * 60 * 60


def exchange(*members, count=1, audited=True, **scenario):
    """Return a run in which u1 sends messages at 10 s, 11 s, …, and the audit finds them.

    They are acknowledged after 100 ms, and presented to u1 only.
    """
    run = SmallRun(*(members or ((1, 2),)), **scenario)
    for conv in run.story.convs:
        for seq in range(1, count + 1):
            run.send(conv, seq, 9 + seq)
            run.deliver(conv, seq, 9.2 + seq, 1)
        if audited:
            run.audit(conv, *range(1, count + 1), head=count)
    return run


def recorded(*members, **counts):
    """Return an imported history of such an exchange: nothing waits for its end."""
    run = exchange(*members, audited=False, **counts, target={"adapter": RECORDED})
    run.story.phases = {"ramp": 0}
    return run


def leave(run, user, at_s):
    """Let a user go away on purpose."""
    run.add(Kind.OFFLINE, at_s, link=user, peer=user)
    run.disconnect(user, at_s)


def never(seq=1, conv=1, user=2, device="", state="was acknowledged and is stored"):
    """Return the sentence on a message that a user did not receive."""
    receiver = f"u{user} ({device})" if device else f"u{user}"
    title = f"message {seq} of u1 in c{conv} (position {seq})"
    return f"{receiver} never received {title}, which {state}."


def only_later(later, state="was acknowledged and is stored"):
    """Return the sentence on a message that u2 received too late."""
    return (
        f"u2 received message 1 of u1 in c1 (position 1) only {later} later than expected from "
        f"the time at which it was known that the message {state}."
    )


def test_the_deadline_counts_from_the_heal_and_from_the_return(verdict, good_story):
    """Users were disconnected until the heal; one was away on purpose for three seconds."""
    story = good_story(1)
    story.scenario["delivery_deadline"] = 2
    assert verdict("undelivered", story).outcome == "valid"


@pytest.mark.parametrize("reason", ["heal", "return"])
def test_the_same_delivery_is_late_without_a_fault_or_an_absence(verdict, good_story, reason):
    story = good_story(1)
    story.scenario["delivery_deadline"] = 2
    if reason == "heal":
        story.scenario |= {"faults": [], "sla": []}
        # Pushes just before the crash waited longest, because they were acknowledged before it.
        story.scenario["delivery_deadline"] = "1500ms"
    else:
        story.drop(story.at(Kind.OFFLINE))
    assert verdict("undelivered", story).outcome == "invalid"


def test_messages_for_a_user_who_is_refused_at_the_quiesce_are_undelivered(
    judged, good_story, break_it
):
    """The quiesce ends every absence on purpose."""
    story = good_story(1)
    break_it("refuse_a_user", story)
    result = judged(story)
    (check,) = (check for check in result["checks"] if check["verdict"] == "invalid")
    assert check["id"] == "undelivered"
    assert check["count"] >= result["counts"]["missing"] > 0
    assert result["verdict"]["exit_code"] == 1


def test_nothing_is_expected_of_an_absent_user_if_the_run_ends_before_the_audit(
    verdict, good_story, break_it
):
    """Such a run does not show whether the user would have been admitted."""
    story = good_story(1)
    break_it("refuse_a_user", story)
    del story.phases["audit"], story.phases["flushed"]
    assert verdict("undelivered", story).outcome == "valid"
    story.drop(story.at(Kind.OFFLINE))
    assert verdict("undelivered", story).outcome == "invalid"


def remove_answers(story, count=1):
    """Remove the answers to the last sends of a conversation; return the identity of the last."""
    conv = 1
    for index in story.at(Kind.ACK, conv=conv)[-count:]:
        story.change(index, kind=Kind.UNKNOWN, seq=0)
    last = story.records[index]
    return {"conv": conv, "peer": last.peer, "sseq": last.sseq}


@pytest.mark.parametrize("seed", range(1, 7))
def test_an_unanswered_op_that_every_member_received_is_not_undelivered(judged, good_story, seed):
    """The load's own counts do not expect its deliveries, and they reconcile."""
    story = good_story(seed)
    for index in story.at(Kind.ACK)[::5]:
        story.change(index, kind=Kind.UNKNOWN, seq=0)
    story.reconcile()
    result = judged(story)
    # Without answers it cannot be shown that the service recovered.
    not_valid = {check["id"] for check in result["checks"] if check["verdict"] != "valid"}
    assert not_valid == {"unrecovered"}
    assert not any("reconcile" in reason for reason in result["verdict"]["reasons"])


def test_an_unanswered_op_that_nobody_received_is_expected_only_if_proven_stored(
    verdict, good_story
):
    """It may be committed after the clients stopped waiting, unless a later position was seen."""
    story = good_story(1)
    story.drop(story.at(Kind.DELIVER, **remove_answers(story)))
    assert verdict("undelivered", story).outcome == "valid"
    story = good_story(1)
    op = remove_answers(story, 3)
    assert len(story.at(Kind.DELIVER, **op)) == 2
    first = next(i for i in story.at(Kind.UNKNOWN, conv=1)[-3:])
    op |= {"peer": story.records[first].peer, "sseq": story.records[first].sseq}
    story.drop(story.at(Kind.DELIVER, **op))
    found = verdict("undelivered", story)
    assert (found.outcome, found.count) == ("invalid", 2)
    assert "is stored although its sender received no answer" in found.witnesses[0].sentence


def test_an_unanswered_op_that_arrived_is_proven_stored(verdict, good_story):
    story = good_story(1)
    index, other = story.at(Kind.DELIVER, **remove_answers(story))
    story.change(index, kind=Kind.ARRIVED)
    story.drop([other])
    found = verdict("undelivered", story)
    assert (found.outcome, found.count) == ("invalid", 2)


def test_an_unanswered_op_that_first_appears_in_the_quiesce_is_not_expected(verdict, good_story):
    """The quiesce waits only for messages that were known before it began."""
    story = good_story(1)
    index, other = story.at(Kind.DELIVER, **remove_answers(story))
    story.drop([other])
    assert verdict("undelivered", story).outcome == "invalid"
    story = good_story(1)
    index, other = story.at(Kind.DELIVER, **remove_answers(story))
    story.change(index, t_ns=5_027 * S)
    story.drop([other])
    assert verdict("undelivered", story).outcome == "valid"


def test_the_deadline_of_an_unanswered_op_counts_from_the_proof_that_it_is_stored(
    verdict, good_story
):
    story = good_story(1)
    story.scenario["delivery_deadline"] = 3
    _, other = story.at(Kind.DELIVER, **remove_answers(story))
    story.change(other, t_ns=5_031 * S)
    found = verdict("undelivered", story)
    assert (found.outcome, found.count) == ("invalid", 1)
    assert "only 5.0" in found.witnesses[0].sentence


def test_a_page_without_an_unanswered_op_violates_history_gap_and_undelivered(judged, good_story):
    story = good_story(1)
    for index in story.at(Kind.DELIVER, flags=Channel.RESYNC):
        shown = story.records[index]
        acks = story.at(Kind.ACK, conv=shown.conv, peer=shown.peer, sseq=shown.sseq)
        if acks and not story.at(Kind.RECEIVE, conv=shown.conv, link=shown.link, seq=shown.seq):
            story.change(acks[0], kind=Kind.UNKNOWN, seq=0)
            story.drop([index])
            break
    story.reconcile()
    found = {check["id"] for check in judged(story)["checks"] if check["verdict"] == "invalid"}
    assert found == {"undelivered", "history-gap"}


def test_undelivered_is_unknown_without_an_audit(verdict, good_story):
    story = good_story(1)
    story.drop(story.at(Kind.AUDIT))
    assert verdict("undelivered", story).outcome == "unknown"


def test_a_second_device_must_receive_what_its_user_sent(judged, good_story, break_it):
    """The witness names the device."""
    story = good_story(1)
    story.add_device(2)
    story.reconcile()
    assert judged(story)["verdict"]["status"] == "pass"
    story = good_story(1)
    ((_, _, sseq),) = break_it("withhold_from_the_second_device", story)
    story.reconcile()
    result = judged(story)
    (check,) = (check for check in result["checks"] if check["verdict"] == "invalid")
    (witness,) = check["witnesses"]
    assert check["id"] == "undelivered"
    assert f"u0-2 (d1) never received message {sseq} of u0-2" in witness["sentence"]
    assert result["counts"]["missing"] == 1


def test_nothing_is_expected_of_a_device_that_never_connected(judged, good_story):
    story = good_story(1)
    story.add_device(2)
    second = [link.number for link in story.links.values() if link.device == "d1"]
    story.drop([at for at, record in enumerate(story.records) if record.link in second])
    story.reconcile()
    assert judged(story)["verdict"]["status"] == "pass"


@pytest.mark.parametrize(
    ("at_s", "late"), [(12.1, []), (12.1 + NS, [only_later("2 s")]), (13.6, [only_later("3.5 s")])]
)
def test_the_deadline_counts_from_the_acknowledgement(at_s, late):
    run = exchange(delivery_deadline=2)
    run.deliver(1, 1, at_s, 2)
    found = run.verdict("undelivered")
    assert (sentences(found), found.count, found.examined) == (late, len(late), 2)
    for witness in found.witnesses:
        assert (witness.messages, witness.user, len(witness.records)) == ((0,), 2, 1)
        assert (witness.at_ns, witness.absent) == (ns(10.1), False)


def test_what_never_arrives_has_the_time_at_which_it_became_due():
    run = exchange((1, 2, 3), count=2)
    run.deliver(1, 1, 12, 3)
    run.deliver(1, 2, 12, 2, 3)
    found = run.verdict("undelivered")
    (witness,) = found.witnesses
    assert (witness.sentence, witness.user, witness.messages) == (never(), 2, (0,))
    assert (witness.absent, witness.session, witness.records) == (True, 1, ())
    assert witness.at_ns == ns(10.1)
    assert found.times_ns is not None
    assert (found.count, found.examined, found.times_ns.tolist()) == (1, 6, [ns(10.1)])


def test_only_a_user_with_several_devices_is_named_with_the_device():
    run = exchange((1, 2, 3))
    run.connect(2, 0, link=12, device="d1")
    run.connect(3, 1, link=13)
    run.deliver(1, 1, 12, 2)
    assert sentences(run.verdict("undelivered")) == [never(device="d1"), never(user=3)]


@pytest.mark.parametrize(
    ("effective_s", "healed_s", "at_s", "late"),
    [
        (8, 12, 14, []),
        (8, 12, 14 + NS, [only_later("3.9 s")]),
        # It took effect while the message was on its way.
        (11, 12, 14, []),
        # It was healed before the message was sent.
        (2, 3, 12.1 + NS, [only_later("2 s")]),
        # It took effect after the message had been presented.
        (20, 22, 13, [only_later("2.9 s")]),
        (13, 22, 13, [only_later("2.9 s")]),
        (13 - NS, 22, 13, []),
        # A fault that did not end proves nothing about when it could arrive.
        (10.5, None, 13, [only_later("2.9 s")]),
        (None, None, 13, [only_later("2.9 s")]),
    ],
)
def test_the_deadline_counts_from_the_heal_of_a_fault(effective_s, healed_s, at_s, late):
    run = exchange(delivery_deadline=2)
    run.fault(effective_s, healed_s)
    run.deliver(1, 1, at_s, 2)
    found = run.verdict("undelivered")
    assert (sentences(found), found.count) == (late, len(late))


@pytest.mark.parametrize(("at_s", "late"), [(17, []), (17 + NS, [only_later("6.9 s")])])
def test_the_deadline_counts_from_the_return_of_the_receiver(at_s, late):
    run = exchange(delivery_deadline=2)
    leave(run, 2, 9)
    run.connect(2, 15, link=12)
    run.deliver(1, 1, at_s, 2, link=12)
    assert sentences(run.verdict("undelivered")) == late


def test_what_the_audit_does_not_find_concerns_another_check():
    run = exchange(count=3, audited=False)
    run.audit(1, 1, 2, head=3)
    run.deliver(1, 2, 12, 2)
    found = run.verdict("undelivered")
    assert (sentences(found), found.examined) == ([never()], 4)


def test_without_its_audit_a_conversation_of_a_load_is_not_judged():
    run = exchange((1, 2), (1, 2), audited=False)
    run.audit(2, 1, head=1)
    found = run.verdict("undelivered")
    assert (sentences(found), found.examined) == ([never(conv=2)], 2)


def test_without_a_history_the_acknowledgement_proves_that_a_message_is_stored():
    run = exchange(audited=False)
    run.without = HISTORY
    found = run.verdict("undelivered")
    assert sentences(found) == [never(state="was acknowledged")]


def test_in_a_recorded_history_each_conversation_may_have_an_audit_or_not():
    run = recorded((1, 2), (1, 2), (1, 2), count=2)
    run.audit(1, 1, head=1)
    run.audit(3, head=2)
    found = run.verdict("undelivered")
    unaudited = [never(seq, conv=2, state="was acknowledged") for seq in (1, 2)]
    assert sentences(found) == [never(), *unaudited]
    assert (found.count, found.examined) == (3, 2 + 4)


@pytest.mark.parametrize("has_entries", [False, True])
def test_one_unaudited_conversation_or_one_stored_message_is_enough_for_a_verdict(has_entries):
    run = recorded((1, 2), (1, 2))
    for conv in (1, 2):
        run.deliver(conv, 1, 12, 2)
    run.audit(1, *(1,) * has_entries, head=1)
    found = run.verdict("undelivered")
    assert (found.outcome, found.examined) == ("valid", 4 if has_entries else 2)
    run.audit(2, head=1)
    found = run.verdict("undelivered")
    assert found.outcome == ("valid" if has_entries else "unknown")


@pytest.mark.parametrize(
    ("left_s", "missing"), [(15.1, []), (15.1 + NS, [never(state="was acknowledged")])]
)
def test_a_log_shows_what_a_receiver_had_five_seconds_for_before_they_left(left_s, missing):
    run = recorded()
    leave(run, 2, left_s)
    assert sentences(run.verdict("undelivered")) == missing


def test_in_a_load_that_was_cut_short_nothing_is_expected_of_those_who_left():
    run = exchange()
    leave(run, 2, 20)
    assert sentences(run.verdict("undelivered")) == [never()]
    run.story.phases = {"ramp": 0, "steady": 2}
    found = run.verdict("undelivered")
    assert (sentences(found), found.examined) == ([], 1)


@pytest.mark.parametrize(
    ("place", "kind", "missing"),
    [
        (1, Kind.DELIVER, [never(user=3)]),
        (1, Kind.RECEIVE, [never(user=3)]),
        (2, Kind.DELIVER, [never(), never(user=3)]),
    ],
)
def test_a_device_that_received_another_body_in_its_place_concerns_another_check(
    place, kind, missing
):
    run = exchange((1, 2, 3))
    run.add(kind, 12, conv=1, link=2, peer=1, sseq=77, seq=place, flags=Flag.FOREIGN)
    found = run.verdict("undelivered")
    assert (sentences(found), found.examined) == (missing, 1 + len(missing))


def test_a_message_that_comes_late_is_not_excused_by_another_body_in_its_place():
    run = exchange(delivery_deadline=2)
    run.add(Kind.DELIVER, 12, conv=1, link=2, peer=1, sseq=77, seq=1, flags=Flag.FOREIGN)
    run.deliver(1, 1, 13, 2)
    assert sentences(run.verdict("undelivered")) == [only_later("2.9 s")]


@pytest.mark.parametrize(("healed_s", "missing"), [(None, []), (9, [never()]), (9 + NS, [])])
def test_nothing_is_owed_to_a_member_who_was_removed_during_a_fault(healed_s, missing):
    """They had time from five seconds before the request to remove them."""
    run = exchange()
    run.fault(8, healed_s if healed_s is None else healed_s + 1.1)
    removal = {"peer": 2, "sseq": RoomEvent.REMOVED, "ref_ns": ns(15.1)}
    run.add(Kind.MEMBERSHIP, 15.2, conv=1, link=1, spare=ProbeResult.GRANTED, **removal)
    assert sentences(run.verdict("undelivered")) == missing


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        # u2 is connected from 0 s on, unless they disconnect (down) or connect again (up).
        ({}, True),
        ({"down": 11.1}, False),
        ({"down": 11.1 + NS}, True),
        ({"down": 9, "up": 10}, True),
        ({"down": 9, "up": 10.001}, False),
        ({"down": 9, "up": 9.5}, True),
        # A fault in that time is an absence as well: from the attempt until 1 s after the answer.
        ({"fault": (11.1, 20)}, True),
        ({"fault": (11.1 - NS, 20)}, False),
        ({"fault": (5, 10)}, True),
        ({"fault": (5, 10 + NS)}, False),
        ({"fault": (2, 3)}, True),
        ({"fault": (5, None)}, False),
        ({"fault": (None, None)}, True),
    ],
)
def test_at_most_once_owes_a_message_to_those_who_were_connected(changed, missing):
    run = exchange(count=3)
    run.traits = Traits(at_most_once=True)
    run.deliver(1, 2, 12, 2)
    run.deliver(1, 3, 13, 2)
    if "down" in changed:
        run.disconnect(2, changed["down"])
        for index in run.story.at(Kind.DELIVER, link=2):
            run.story.change(index, flags=Channel.RESYNC)
    if "up" in changed:
        run.connect(2, changed["up"], link=12)
    if "fault" in changed:
        run.fault(*changed["fault"])
    found = run.verdict("undelivered")
    # The two others are not missing, so that they are examined in any case.
    assert (sentences(found), found.examined) == ([never()] * missing, 5 + missing)
    assert ("1 more was missed by receivers who were not connected" in found.sentence) == (
        not missing
    )


@pytest.mark.parametrize(("up_s", "missing"), [(0, [1]), (20, [])])
def test_at_most_once_owes_nothing_before_the_first_connection(up_s, missing):
    """The receiver is the first of all users, or the next one."""
    for receiver, author in ((1, 2), (2, 1)):
        run = SmallRun((1, 2))
        run.traits = Traits(at_most_once=True)
        run.send(1, 1, 10, author=author)
        run.deliver(1, 1, 10.2, author, author=author)
        run.audit(1, 1, head=1, author=author)
        (index,) = run.story.at(Kind.CONNECT, link=receiver)
        run.story.change(index, t_ns=ns(up_s), ref_ns=ns(up_s))
        found = run.verdict("undelivered")
        assert [witness.user for witness in found.witnesses] == [receiver] * len(missing)


@pytest.mark.parametrize(("up_s", "missing"), [(0.0009, [never()]), (0.0012, [])])
def test_connections_of_the_first_millisecond_are_known_to_a_millisecond(up_s, missing):
    run = SmallRun((1, 2))
    run.traits = Traits(at_most_once=True)
    run.send(1, 1, 0.0005, took_s=0.0003)
    run.deliver(1, 1, 1, 1)
    run.audit(1, 1, head=1)
    (index,) = run.story.at(Kind.CONNECT, link=2)
    run.story.change(index, t_ns=ns(up_s), ref_ns=ns(up_s))
    assert sentences(run.verdict("undelivered")) == missing


def test_absences_are_found_on_a_machine_that_runs_for_a_long_time():
    """Milliseconds since it was started do not fit into 32 bits; those of the run do."""
    run = exchange()
    run.traits = Traits(at_most_once=True)
    run.disconnect(2, 9)
    run.connect(2, 12, link=12)
    later_ns = 40 * DAY_S * S
    run.story.records = [
        record._replace(t_ns=record.t_ns + later_ns, ref_ns=record.ref_ns + later_ns)
        for record in run.story.records
    ]
    run.story.phases = {phase: at + 40 * DAY_S for phase, at in run.story.phases.items()}
    assert sentences(run.verdict("undelivered")) == []


@pytest.mark.parametrize(
    ("down_s", "missing"), [(10.5, False), (11, False), (11 + NS, True), (None, True)]
)
def test_at_most_once_counts_from_the_attempt_without_an_answer(down_s, missing):
    """A later position proves that the message is stored."""
    run = SmallRun((1, 2))
    run.traits = Traits(at_most_once=True)
    run.send(1, 1, 10, end=Kind.UNKNOWN)
    run.send(1, 2, 12)
    run.deliver(1, 1, 12, 1)
    run.deliver(1, 2, 12.2, 1, 2, flags=Channel.RESYNC)
    run.audit(1, 1, 2, head=2)
    if down_s is not None:
        run.disconnect(2, down_s)
    found = run.verdict("undelivered")
    state = "is stored although its sender received no answer"
    assert sentences(found) == [never(state=state)] * missing
    assert (found.times_ns is None, found.examined) == (missing, 3 + missing)


@pytest.mark.parametrize(("count", "outcome"), [(4, "unknown"), (5, "valid")])
def test_five_deliveries_are_needed_for_a_verdict(count, outcome):
    run = exchange((1,), count=count)
    found = run.verdict("undelivered")
    assert (found.outcome, found.examined) == (outcome, count)


def test_in_an_imported_load_that_has_its_audit_an_unaudited_conversation_is_not_judged():
    run = exchange((1, 2), (1, 2), audited=False, target={"adapter": RECORDED})
    run.audit(2, 1, head=1)
    found = run.verdict("undelivered")
    assert (sentences(found), found.examined) == ([never(conv=2)], 2)


@pytest.mark.parametrize(
    ("left_s", "missing"), [(15.6, []), (15.6 + NS, [never(state="was acknowledged")])]
)
def test_by_clocks_that_differ_a_receiver_may_have_left_earlier(left_s, missing):
    run = recorded()
    run.declare(clock_error_ns=S // 2)
    leave(run, 2, left_s)
    assert sentences(run.verdict("undelivered")) == missing


@pytest.mark.parametrize(("down_s", "missing"), [(11.6, False), (11.6 + NS, True)])
def test_by_clocks_that_differ_a_push_may_have_come_later(down_s, missing):
    run = exchange()
    run.declare(clock_error_ns=S // 2)
    run.traits = Traits(at_most_once=True)
    run.disconnect(2, down_s)
    assert sentences(run.verdict("undelivered")) == [never()] * missing


@pytest.mark.parametrize(("at_s", "late"), [(12.6, 0), (12.6 + NS, 1)])
def test_by_clocks_that_differ_every_deadline_is_later(at_s, late):
    run = exchange(delivery_deadline=2)
    run.declare(clock_error_ns=S // 2)
    run.deliver(1, 1, at_s, 2)
    assert run.verdict("undelivered").count == late
