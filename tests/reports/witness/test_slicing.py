"""Every violation is shown by a small slice that contains what makes it."""

import pytest

from gauntlet.campaigns.synthetic.exit_mutators import show_an_exit_as_that_of_another
from gauntlet.campaigns.synthetic.histories import ROOM, good_story
from gauntlet.campaigns.synthetic.mutators import (
    MUTATORS,
    corrupt_a_body,
    lose_the_tail,
    present_in_another_order,
    present_twice,
    skip_on_a_page,
    withhold_from_the_second_device,
    withhold_the_tail,
)
from gauntlet.campaigns.synthetic.story import HEAL_S, ZERO, S
from gauntlet.core.history import Kind
from gauntlet.reports.witness.slicing import EVENTS_MAX

# These concern faults, and no message.
WITHOUT_MESSAGES = {"unrecovered"}


@pytest.fixture
def sliced(judged):
    """Return a function that breaks a good story and returns the first witness with its slice."""

    def cut(mutate, seed=1):
        story = good_story(seed)
        mutate(story)
        story.reconcile()
        (check,) = (c for c in judged(story)["checks"] if c["id"] == MUTATORS[mutate])
        return check["witnesses"][0]

    return cut


def events_of(witness):
    """Return the events of a slice as (client, event, whether it is wrong)."""
    clients = witness["slice"]["clients"]
    return [
        (
            None if event["client"] is None else clients[event["client"]],
            event["event"],
            event["wrong"],
        )
        for event in witness["slice"]["events"]
    ]


@pytest.mark.parametrize("mutate", MUTATORS, ids=lambda mutate: mutate.__name__)
def test_a_slice_is_small_sorted_and_marks_what_is_wrong(sliced, mutate):
    witness = sliced(mutate)
    if MUTATORS[mutate] in WITHOUT_MESSAGES:
        assert "slice" not in witness
        return
    cut = witness["slice"]
    times = [event["at_s"] for event in cut["events"]]
    assert 0 < len(times) <= EVENTS_MAX
    assert times == sorted(times)
    assert len(cut["clients"]) <= 3
    assert any(event["wrong"] for event in cut["events"])


def test_a_lost_message_is_sent_and_acknowledged_and_missing_in_the_audit(sliced):
    witness = sliced(lose_the_tail)
    events = events_of(witness)
    assert [event for _, event, _ in events if event != "connect"] == ["send", "ack", "missing"]
    assert events[-1] == (None, "missing", True)
    assert witness["at_s"] == witness["slice"]["events"][-2]["at_s"]


def test_an_undelivered_message_is_missing_at_its_receiver(sliced):
    events = events_of(sliced(withhold_the_tail))
    assert ("u0-1", "missing", True) in events
    assert ("u0-3", "ack", False) in events
    assert (None, "audit", False) in events


def test_devices_have_lanes_of_their_own_and_the_fault_after_the_send_is_shown(sliced):
    witness = sliced(withhold_from_the_second_device)
    assert witness["slice"]["clients"][:2] == ["u0-2 (d1)", "u0-2 (d0)"]
    events = events_of(witness)
    assert ("u0-2 (d1)", "missing", True) in events
    assert ("u0-2 (d0)", "delivery", False) in events
    kinds = [event for _, event, _ in events]
    assert kinds.index("fault-begin") < kinds.index("disconnect") < kinds.index("fault-end")


def test_both_presentations_of_a_duplicate_are_wrong(sliced):
    wrong = [event for event in events_of(sliced(present_twice)) if event[2]]
    assert [event for _, event, _ in wrong] == ["delivery", "delivery"]


def test_a_corrupt_copy_is_marked_and_the_good_one_is_not(sliced):
    cut = sliced(corrupt_a_body)["slice"]
    (wrong,) = (event for event in cut["events"] if event["wrong"])
    assert "wrong checksum" in wrong["text"]
    assert [e for e in cut["events"] if e["event"] == "delivery" and not e["wrong"]]


def test_receivers_that_disagree_are_both_shown(sliced):
    witness = sliced(present_in_another_order)
    orders = {}
    for event in witness["slice"]["events"]:
        if event["event"] == "delivery":
            orders.setdefault(event["client"], []).append(event["message"])
    first, second = orders.values()
    assert first == second[::-1]


def test_a_page_that_skips_is_the_wrong_event(sliced):
    wrong = [event for event in events_of(sliced(skip_on_a_page)) if event[2]]
    assert [event for _, event, _ in wrong] == ["page"]


def test_a_witness_during_a_fault_names_it(judged):
    story = good_story(1)
    during = [
        index
        for index in story.at(Kind.DELIVER)
        if ZERO + int(8.2 * S) < story.records[index].t_ns < ZERO + int((HEAL_S - 0.5) * S)
        and story.records[index].conv != ROOM
    ]
    story.records.append(
        story.records[during[0]]._replace(t_ns=story.records[during[0]].t_ns + 1000)
    )
    (check,) = (c for c in judged(story)["checks"] if c["verdict"] == "invalid")
    assert check["witnesses"][0]["faults"] == ["edge-crash"]
    assert "while fault edge-crash acted" in check["sentence"]


def test_an_event_that_is_shown_and_stored_under_two_names_shows_both(sliced):
    texts = [event["text"] for event in sliced(show_an_exit_as_that_of_another)["slice"]["events"]]
    (shown,) = [text for text in texts if text.startswith("u0-8 exited at position")]
    position = shown.rpartition(" ")[2]
    assert f"the audit finds that u0-3 exited at position {position}" in texts
