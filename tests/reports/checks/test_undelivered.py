"""Which deliveries are expected, and by when."""

import pytest

from gauntlet.core.history import Channel, Kind

S = 1_000_000_000


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
