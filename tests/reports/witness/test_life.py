"""The life of a message has everything that happened to it."""

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import (
    present_twice,
    refuse_a_user,
    store_twice,
    withhold_the_tail,
)
from gauntlet.reports.witness import life, naming

from ..loading import history_of


def lives(mutate, story=None):
    """Return the lives of the messages that a mutator concerns."""
    story = story or good_story(1)
    concerned = mutate(story)
    history = history_of(story)
    names = (
        f"message {sseq} of {story.users[author]} in {story.convs[conv]['name']}"
        for conv, author, sseq in sorted(concerned)
    )
    return [life.life_of(history, *naming.find(history, name)) for name in names]


def test_every_copy_of_a_duplicate_is_listed():
    (found,) = lives(present_twice)
    copies = [copy for each in found["receivers"] for copy in each["copies"]]
    assert max(len(each["copies"]) for each in found["receivers"]) == 2
    assert all(copy["position"] == found["position"] for copy in copies)


def test_both_places_of_a_message_that_is_stored_twice_are_listed():
    (found,) = lives(store_twice)
    assert found["audit"]["copies"] == len(set(found["audit"]["positions"])) == 2


def test_a_receiver_that_was_refused_has_no_connection_after_the_send():
    (found,) = lives(refuse_a_user)
    (refused,) = (each for each in found["receivers"] if not each["presented"])
    assert refused["client"] == "u0-8"
    assert refused["connections"] == []
    assert "for u0-8." in found["fate"]


def test_a_page_that_contained_the_message_is_listed_for_its_reader():
    (found,) = lives(present_twice)
    assert ("received", False) in {
        (page["state"], page["reader"] == "the audit") for page in found["pages"]
    }
    assert [page["state"] for page in found["pages"] if page["reader"] == "the audit"] == [
        "received"
    ]


def test_a_fault_is_listed_only_while_the_message_was_on_its_way():
    (late,) = lives(withhold_the_tail)
    assert late["faults"] == []
