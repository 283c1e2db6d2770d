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


def test_nothing_is_owed_to_one_who_stays_away(verdict, good_story):
    """A user who went offline on purpose and did not come back is not waiting."""
    story = good_story(1)
    (offline,) = story.at(Kind.OFFLINE)
    gone = story.records[offline]
    late = [number for number, link in story.links.items() if link.user == gone.peer][-1]
    shown = [i for kind in (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM) for i in story.at(kind)]
    story.drop(
        [i for i in shown if story.records[i].link == late]
        + story.at(Kind.CONNECT, link=late)
        + story.at(Kind.DISCONNECT, link=late)
    )
    assert verdict("undelivered", story).outcome == "valid"
    story.drop(story.at(Kind.OFFLINE))
    assert verdict("undelivered", story).outcome == "invalid"


def test_without_an_audit_it_is_not_known_what_is_owed(verdict, good_story):
    """A delivery is owed of what is stored, and nobody looked."""
    story = good_story(1)
    story.drop(story.at(Kind.AUDIT))
    assert verdict("undelivered", story).outcome == "unknown"
