"""What a system never promised is not judged as its failure: the traits of its adapter."""

from dataclasses import replace

import pytest

from gauntlet.core.history import Flag, Kind
from gauntlet.core.scenario.traits import Retention, Traits, from_manifest
from gauntlet.reports import checks

S = 1_000_000_000


@pytest.fixture
def judged_with(history):
    """Return a function that returns a check's verdict on a story, under some traits."""

    def judge(name, story, traits=Traits()):  # noqa: B008 - it cannot change
        return checks.run_one(name, replace(history(story), traits=traits))

    return judge


def lose_first(story, conv):
    """Remove the first acknowledged message of a conversation from storage."""
    ack = story.records[story.at(Kind.ACK, conv=conv)[0]]
    story.drop(story.at(Kind.AUDIT, conv=conv, peer=ack.peer, sseq=ack.sseq))


def test_a_message_beyond_the_retained_count_is_not_lost(judged_with, good_story):
    story = good_story(1)
    lose_first(story, 1)
    kept = len(story.at(Kind.ACK, conv=1)) - 1
    assert judged_with("lost-acked", story).outcome == "invalid"
    few, all_but_none = Traits(retention=Retention(count=kept)), Retention(count=kept + 1)
    assert judged_with("lost-acked", story, few).outcome == "valid"
    assert judged_with("lost-acked", story, Traits(retention=all_but_none)).outcome == "invalid"


def test_a_message_beyond_the_retained_age_is_not_lost(judged_with, good_story):
    story = good_story(1)
    lose_first(story, 1)
    assert (
        judged_with("lost-acked", story, Traits(retention=Retention(age_s=15))).outcome == "valid"
    )
    long = Traits(retention=Retention(age_s=3600))
    assert judged_with("lost-acked", story, long).outcome == "invalid"


def test_where_messages_may_disappear_a_missing_one_leaves_the_check_unknown(
    judged_with, good_story
):
    story = good_story(1)
    assert judged_with("lost-acked", story, Traits(expires=True)).outcome == "valid"
    lose_first(story, 1)
    found = judged_with("lost-acked", story, Traits(deletes=True))
    assert found.outcome == "unknown"
    assert "may be deleted or expire" in found.sentence


def test_a_handed_over_message_was_never_promised_to_be_stored(judged_with, good_story):
    story = good_story(1)
    index = story.at(Kind.ACK, conv=1)[0]
    lose_first(story, 1)
    story.change(index, flags=Flag.HANDED_OVER)
    assert judged_with("lost-acked", story).outcome == "valid"


def missed_at(story, away):
    """Remove a delivery to a user who stays connected, or one who was leaving (`away`)."""
    if away:
        left = story.records[story.at(Kind.OFFLINE)[0]]
        times = {
            (record.conv, record.peer, record.sseq): record.t_ns
            for record in (story.records[at] for at in story.at(Kind.ACK))
        }
        for at in story.at(Kind.DELIVER):
            record = story.records[at]
            acked_ns = times.get((record.conv, record.peer, record.sseq), 0)
            user = story.links[record.link].user
            if user == left.peer and left.t_ns < acked_ns < left.t_ns + S and record.peer != user:
                story.drop([at])
                return
        pytest.fail("no message was sent while the user was away")
    story.scenario |= {"faults": [], "sla": []}
    (*_, last) = (
        at
        for at in story.at(Kind.DELIVER, conv=1)
        if story.links[story.records[at].link].user != story.records[at].peer
    )
    story.drop([last])


@pytest.mark.parametrize(("away", "outcome"), [(True, "valid"), (False, "invalid")])
def test_at_most_once_excuses_only_what_was_missed_while_away(
    judged_with, good_story, away, outcome
):
    story = good_story(1)
    missed_at(story, away)
    assert judged_with("undelivered", story).outcome == "invalid"
    found = judged_with("undelivered", story, Traits(at_most_once=True))
    assert found.outcome == outcome
    assert ("1 more was missed" in found.sentence) is away


def test_older_manifests_have_no_traits():
    assert from_manifest({"adapter": {"name": "reference"}}) == Traits()
    traits = Traits(at_most_once=True, retention=Retention(count=3))
    plain = {"adapter": {"traits": {"at_most_once": True, "retention": {"count": 3}}}}
    assert from_manifest(plain) == traits
