"""Deadlines count from where they should."""

import pytest

from gauntlet.kernel.history import Kind

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
    assert check["count"] == result["counts"]["missing"] > 0
    assert result["verdict"]["exit_code"] == 1


def test_nothing_is_owed_to_one_who_was_never_called_back(verdict, good_story, break_it):
    """A run that was cut short in its quiesce cannot know whether he would be let in."""
    story = good_story(1)
    break_it("keep_out", story)
    del story.phases["audit"], story.phases["flushed"]
    assert verdict("undelivered", story).outcome == "valid"
    story.drop(story.at(Kind.OFFLINE))
    assert verdict("undelivered", story).outcome == "invalid"


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
    assert f"u0-2 (d1) was watching and did not get message {sseq} of u0-2" in witness["sentence"]
    assert result["counts"]["missing"] == 1


def test_a_device_that_never_connected_is_owed_nothing(judged, good_story):
    """Only what was there is missed."""
    story = good_story(1)
    story.add_device(2)
    second = [link.number for link in story.links.values() if link.device == "d1"]
    story.drop([at for at, record in enumerate(story.records) if record.link in second])
    story.reconcile()
    assert judged(story)["verdict"]["status"] == "pass"
