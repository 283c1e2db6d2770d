"""What acknowledgements may name, and what they must not."""

import random

import pytest

from gauntlet.core.history import Channel, Kind, id_digest
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports import checks
from gauntlet.reports.checks._ack_positions import misplaced_acks


def stored_ids(story):
    return story.at(Kind.NAMED, flags=Channel.AUDIT)


def ids_in_acks(story):
    return story.at(Kind.NAMED, flags=0)


def test_acknowledgements_without_names_are_judged_by_their_positions(verdict, good_story):
    story = good_story(1)
    story.drop(story.at(Kind.NAMED))
    found = verdict("ack-content", story)
    assert (found.outcome, found.count) == ("valid", 0)
    assert found.examined == sum(story.records[at].seq > 0 for at in story.at(Kind.ACK))


def test_acknowledgements_that_name_nothing_are_not_judged(verdict, good_story):
    story = good_story(1)
    story.drop(story.at(Kind.NAMED))
    for at in story.at(Kind.ACK):
        story.change(at, seq=0)
    assert verdict("ack-content", story).outcome == "not-applicable"


def test_positions_that_nothing_can_be_compared_with_are_unknown(verdict, good_story):
    story = good_story(1)
    story.drop(
        [
            at
            for kind in (Kind.NAMED, Kind.AUDIT, Kind.DELIVER, Kind.RECEIVE)
            for at in story.at(kind)
        ]
    )
    assert verdict("ack-content", story).outcome == "unknown"


def test_a_message_stored_twice_may_be_acknowledged_with_either_id(verdict, good_story):
    """A server that mints a new id for a retry violates `duplicate`; the answer is true."""
    story = good_story(1)
    named = story.records[ids_in_acks(story)[5]]
    (stored,) = story.at(
        Kind.NAMED, flags=Channel.AUDIT, conv=named.conv, peer=named.peer, sseq=named.sseq
    )
    story.records.append(story.records[stored]._replace(ref_ns=id_digest("the other copy")))
    assert verdict("ack-content", story).outcome == "valid"


def test_an_acknowledged_message_that_is_not_stored_has_no_id_to_compare(verdict, good_story):
    story = good_story(1)
    story.drop(stored_ids(story)[:7])
    assert verdict("ack-content", story).outcome == "valid"


def test_an_acknowledgement_that_is_wrong_in_two_ways_counts_once(verdict, good_story):
    story = good_story(1)
    named = ids_in_acks(story)[5]
    story.change(named, spare=1, ref_ns=id_digest("never assigned"))
    found = verdict("ack-content", story)
    assert (found.count, len(found.witnesses)) == (1, 1)
    assert "names another conversation" in found.witnesses[0].sentence


def test_the_earlier_of_two_messages_with_one_id_is_not_counted(verdict, good_story):
    story = good_story(1)
    story.drop(stored_ids(story))
    one, two = ids_in_acks(story)[5:7]
    story.change(two, ref_ns=story.records[one].ref_ns)
    found = verdict("ack-content", story)
    assert [witness.records for witness in found.witnesses] != []
    assert found.count == 1


def test_a_lost_message_with_a_position_is_not_misplaced(verdict, good_story, break_it):
    story = good_story(1)
    break_it("lose_the_tail", story)
    assert verdict("ack-content", story).outcome == "valid"


def test_position_counts_wrong_acknowledgements_if_this_check_is_not_required(
    judged, good_story, break_it
):
    story = good_story(1)
    break_it("acknowledge_the_wrong_position", story)
    story.scenario["checks"] = {"required": ["position"]}
    violated = [c["id"] for c in judged(story)["checks"] if c["verdict"] == "invalid"]
    assert violated == ["position", "ack-content"]


def test_without_positions_the_names_are_judged(history, good_story, break_it):
    story = good_story(1)
    break_it("acknowledge_another_conversation", story)
    found = checks.run_one("ack-content", history(story, without=SERVER_SEQ))
    assert found.count == 1


@pytest.mark.parametrize("seed", range(8))
def test_misplaced_acknowledgements_are_those_of_the_definition(history, good_story, seed):
    """A wrong position is one at which no receiver and no audit has the message."""
    rng, story = random.Random(seed), good_story(1 + seed % 3)
    for at in rng.sample(story.at(Kind.ACK), 25):
        story.change(at, seq=max(0, story.records[at].seq + rng.choice([-1, 0, 1, 5000])))
    dropped = [at for at in story.at(Kind.AUDIT) if rng.random() < 0.2]
    story.drop([*dropped, *(at for at in story.at(Kind.DELIVER) if rng.random() < 0.3)])
    read = history(story)
    places: dict[tuple[int, ...], set[int]] = {}
    rows = read.records.tolist()
    for _, _, conv, _, peer, sseq, seq, kind, flags, _ in rows:
        if kind in (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT) and not flags & 0x70 and seq:
            places.setdefault((conv, peer, sseq), set()).add(seq)
    expected = [
        at
        for at, (_, _, conv, _, peer, sseq, seq, kind, _, _) in enumerate(rows)
        if kind == Kind.ACK and seq and seq not in places.get((conv, peer, sseq), {seq})
    ]
    assert misplaced_acks(read).tolist() == expected


def test_the_acknowledgement_of_what_was_never_sent_is_examined(verdict, good_story, break_it):
    story = good_story(1)
    before = verdict("ack-content", story).examined
    break_it("acknowledge_what_was_never_sent", story)
    found = verdict("ack-content", story)
    assert (found.examined, found.count) == (before + 1, 1)
