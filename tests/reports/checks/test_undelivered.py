"""Deadlines count from where they should."""

import pytest

from gauntlet.core.history import Channel, Kind

S = 1_000_000_000


def test_a_deadline_counts_from_the_heal_and_from_the_return(verdict, good_story):
    """Two seconds are enough for those cut off till the heal, and for the traveller of three."""
    story = good_story(1)
    story.scenario["delivery_deadline"] = 2
    assert verdict("undelivered", story).outcome == "valid"


@pytest.mark.parametrize("excuse", ["heal", "return"])
def test_without_the_excuse_the_same_is_late(verdict, good_story, excuse):
    """The same waits violate the same deadline where nothing explains them."""
    story = good_story(1)
    story.scenario["delivery_deadline"] = 2
    if excuse == "heal":
        story.scenario |= {"faults": [], "sla": []}
        # The pushes just before the crash wait longest: their acknowledgement is as old.
        story.scenario["delivery_deadline"] = "1500ms"
    else:
        story.drop(story.at(Kind.OFFLINE))
    assert verdict("undelivered", story).outcome == "invalid"


def test_what_is_owed_to_one_who_was_called_back_and_kept_out(judged, good_story, break_it):
    """The quiesce ends every absence: whom the system lets in no more misses what he was sent."""
    story = good_story(1)
    break_it("keep_out", story)
    result = judged(story)
    (check,) = (check for check in result["checks"] if check["verdict"] == "invalid")
    assert check["id"] == "undelivered"
    assert check["count"] >= result["counts"]["missing"] > 0
    assert result["verdict"]["exit_code"] == 1


def test_nothing_is_owed_to_one_who_was_never_called_back(verdict, good_story, break_it):
    """A run that was cut short in its quiesce cannot know whether he would be let in."""
    story = good_story(1)
    break_it("keep_out", story)
    del story.phases["audit"], story.phases["flushed"]
    assert verdict("undelivered", story).outcome == "valid"
    story.drop(story.at(Kind.OFFLINE))
    assert verdict("undelivered", story).outcome == "invalid"


def unanswer(story, count=1):
    """Take away the answers to the last messages of a conversation; names the very last."""
    conv = 1
    for index in story.at(Kind.ACK, conv=conv)[-count:]:
        story.change(index, kind=Kind.UNKNOWN, seq=0)
    last = story.records[index]
    return {"conv": conv, "peer": last.peer, "sseq": last.sseq}


@pytest.mark.parametrize("seed", range(1, 7))
def test_an_unanswered_op_that_everybody_was_shown_is_no_loss(judged, good_story, seed):
    """Nothing is expected of it in the load's own counts, which reconcile; and nothing is amiss."""
    story = good_story(seed)
    for index in story.at(Kind.ACK)[::5]:
        story.change(index, kind=Kind.UNKNOWN, seq=0)
    story.reconcile()
    result = judged(story)
    # Without answers nobody can say that the service is itself again.
    amiss = {check["id"] for check in result["checks"] if check["verdict"] != "valid"}
    assert amiss == {"unrecovered"}
    assert not any("reconcile" in reason for reason in result["verdict"]["reasons"])


def test_an_unanswered_op_that_nobody_was_shown_may_be_a_straggler(verdict, good_story):
    """It may be committed when nobody waits any more; unless a later position was seen before."""
    story = good_story(1)
    story.drop(story.at(Kind.DELIVER, **unanswer(story)))
    assert verdict("undelivered", story).outcome == "valid"
    story = good_story(1)
    op = unanswer(story, 3)
    assert len(story.at(Kind.DELIVER, **op)) == 2
    first = next(i for i in story.at(Kind.UNKNOWN, conv=1)[-3:])
    op |= {"peer": story.records[first].peer, "sseq": story.records[first].sseq}
    story.drop(story.at(Kind.DELIVER, **op))
    found = verdict("undelivered", story)
    assert (found.outcome, found.count) == ("invalid", 2)
    assert "is stored although its sender received no answer" in found.witnesses[0].sentence


def test_an_unanswered_op_that_shows_after_the_quiesce_began_is_a_straggler(verdict, good_story):
    """The quiesce waits for what was known before it, and promises nothing of what comes in it."""
    story = good_story(1)
    index, other = story.at(Kind.DELIVER, **unanswer(story))
    story.drop([other])
    assert verdict("undelivered", story).outcome == "invalid"
    story = good_story(1)
    index, other = story.at(Kind.DELIVER, **unanswer(story))
    story.change(index, t_ns=5_027 * S)
    story.drop([other])
    assert verdict("undelivered", story).outcome == "valid"


def test_an_unanswered_op_has_its_deadline_too(verdict, good_story):
    """Counted from when it showed that it is stored."""
    story = good_story(1)
    story.scenario["delivery_deadline"] = 3
    _, other = story.at(Kind.DELIVER, **unanswer(story))
    story.change(other, t_ns=5_031 * S)
    found = verdict("undelivered", story)
    assert (found.outcome, found.count) == ("invalid", 1)
    assert "only 5.07 s later than expected" in found.witnesses[0].sentence


def test_a_page_that_leaves_out_an_unanswered_op_withholds_it(judged, good_story):
    """The page is one violation, what its reader never saw is another."""
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


def test_without_an_audit_it_is_not_known_what_is_owed(verdict, good_story):
    """A delivery is owed of what is stored, and nobody looked."""
    story = good_story(1)
    story.drop(story.at(Kind.AUDIT))
    assert verdict("undelivered", story).outcome == "unknown"


def test_another_device_is_owed_what_its_user_sent(judged, good_story, break_it):
    """The witness names the device; one that was shown everything sets off nothing."""
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


def test_a_device_that_never_connected_is_owed_nothing(judged, good_story):
    """Only what was there is missed."""
    story = good_story(1)
    story.add_device(2)
    second = [link.number for link in story.links.values() if link.device == "d1"]
    story.drop([at for at, record in enumerate(story.records) if record.link in second])
    story.reconcile()
    assert judged(story)["verdict"]["status"] == "pass"
