"""What acknowledgements may name, and what they must not."""

import random

import pytest

from gauntlet.core.history import Channel, Flag, Kind, NamedFlag, id_digest
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports import checks
from gauntlet.reports.checks._ack_positions import misplaced_acks
from gauntlet.reports.checks.ack_content import acknowledged_ids

from ..small_runs import SmallRun, sentences


def name(run, seq, id_, flags=0, **fields):
    """Let the acknowledgement of a message, or else the store, name an id (0: none)."""
    known = {"conv": 1, "peer": 1, "sseq": seq, "seq": seq, "link": 0 if flags else 1}
    at_s = 33 if flags else 10 + seq
    run.add(Kind.NAMED, at_s, **known | {"ref_ns": id_, "flags": flags} | fields)


def acknowledged(*ids, stored=()):
    """Return a run in which u1 sends messages that are acknowledged under these ids.

    The audit finds them at their positions, under the ids `stored`; None is no name.
    """
    run = SmallRun((1, 2))
    for seq, id_ in enumerate(ids, 1):
        run.send(1, seq, 9.9 + seq)
        if id_ is not None:
            name(run, seq, id_)
    run.audit(1, *range(1, len(ids) + 1), head=len(ids))
    for seq, id_ in enumerate(stored, 1):
        name(run, seq, id_, flags=Channel.AUDIT)
    return run


def wrong(seq, what):
    """Return the sentence on a wrong acknowledgement."""
    return f"The acknowledgement of message {seq} of u1 in c1 {what}."


SHARED = "names an id under which another message was acknowledged"
UNKNOWN = "names an id that the stored message does not have"


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


@pytest.mark.parametrize(
    ("ids", "stored", "sentences_"),
    [
        ((11, 12, 13), (11, 12, 13), []),
        ((11, 12, 13), (), []),
        ((11, 11, 13), (), [wrong(2, SHARED)]),
        ((11, 12, 11), (), [wrong(3, SHARED)]),
        ((11, 11, 11), (), [wrong(2, SHARED), wrong(3, SHARED)]),
        # No id was named: that is none in common.
        ((0, 0, 13), (), []),
        ((0, 0, 13), (11, 12, 13), []),
        ((11, 99, 13), (11, 12, 13), [wrong(2, UNKNOWN)]),
        ((99, 12, 13), (11, 12, 13), [wrong(1, UNKNOWN)]),
        # An id of another message is as wrong as one of none.
        ((12, None, 13), (11, 12, 13), [wrong(1, UNKNOWN)]),
        ((12, None, 13), (13, 11, 13), [wrong(1, UNKNOWN)]),
        ((11, None, 12), (11, 12, 13), [wrong(3, UNKNOWN)]),
        ((1, 1, 13), (), [wrong(2, SHARED)]),
        ((1, 12, 13), (11, 12, 13), [wrong(1, UNKNOWN)]),
        # Wrong in two ways: the first reason counts.
        ((11, 11, 13), (11, 12, 13), [wrong(2, SHARED)]),
    ],
)
def test_an_acknowledgement_names_the_id_of_its_own_message(ids, stored, sentences_):
    run = acknowledged(*ids, stored=stored)
    found = run.verdict("ack-content")
    assert sentences(found) == sentences_
    # Each acknowledgement names its position, whether or not it names an id.
    assert (found.count, found.examined) == (len(sentences_), len(ids))


@pytest.mark.parametrize(
    ("flags", "other"),
    [
        (NamedFlag.OTHER_CONVERSATION, "another conversation"),
        (NamedFlag.OTHER_MESSAGE, "the id of another message"),
        (
            NamedFlag.OTHER_CONVERSATION | NamedFlag.OTHER_MESSAGE,
            "another conversation and the id of another message",
        ),
    ],
)
@pytest.mark.parametrize("seq", [1, 2])
def test_an_acknowledgement_names_what_was_sent(flags, other, seq):
    run = acknowledged(None, None)
    name(run, seq, 0, spare=flags)
    found = run.verdict("ack-content")
    assert (sentences(found), found.count) == ([wrong(seq, f"names {other}")], 1)
    assert found.witnesses[0].messages == (seq - 1,)


def test_reasons_come_in_the_order_of_the_ways_to_be_wrong():
    run = acknowledged(11, 11, 99, 14, 15, stored=(11, 12, 13, 14, 15))
    name(run, 4, 14, spare=NamedFlag.OTHER_MESSAGE)
    (index,) = run.story.at(Kind.ACK, sseq=5)
    run.story.change(index, seq=1_234)
    run.add(Kind.ACK, 20, conv=1, link=1, peer=1, sseq=77, seq=77)
    found = run.verdict("ack-content")
    assert sentences(found) == [
        wrong(4, "names the id of another message"),
        wrong(2, SHARED),
        wrong(3, UNKNOWN),
        wrong(5, "names position 1,234, where it was neither received nor stored"),
        "The server acknowledged message 77 of u1 in c1, which was never sent.",
    ]
    assert (found.count, found.examined) == (5, 6)
    assert found.witnesses[-1].messages == (5,)


def test_one_acknowledged_position_is_enough_to_be_applicable():
    run = SmallRun((1, 2))
    run.send(1, 1, 10)
    assert run.verdict("ack-content").outcome == "unknown"
    for index in run.story.at(Kind.ACK):
        run.story.change(index, seq=0)
    found = run.verdict("ack-content")
    assert found.outcome == "not-applicable"
    assert found.sentence == "No acknowledgement names a conversation, an id or a position."
    name(run, 1, 0)
    assert run.verdict("ack-content").outcome == "unknown"


def test_the_acknowledged_ids_are_those_of_messages_of_this_run():
    run = acknowledged(14, 1, 13, 0, 12, 13, stored=(21, 22, 23, 24, 25, 26))
    name(run, 7, 31, flags=Flag.FOREIGN)
    assert acknowledged_ids(run.history()).tolist() == [1, 12, 13, 14]


@pytest.mark.parametrize(("count", "outcome"), [(4, "unknown"), (5, "valid")])
def test_five_acknowledgements_are_needed_for_a_verdict(count, outcome):
    found = acknowledged(*range(11, 11 + count)).verdict("ack-content")
    assert (found.outcome, found.examined) == (outcome, count)


SHOWN_ELSEWHERE = (
    "u2 received message 1 of u1 in c1 with an id that is not the one of this message."
)


@pytest.mark.parametrize(
    ("acked", "stored", "shown", "is_wrong"),
    [
        (11, 11, 11, False),
        (11, None, 11, False),
        (11, 11, 99, True),
        (11, None, 99, True),
        # The id of another message.
        (11, 11, 12, True),
        # Not acknowledged with an id, but stored under one.
        (None, 11, 99, True),
        (None, 11, 11, False),
        (None, None, 99, False),
        (0, None, 99, False),
        # A message that is stored twice may be shown under either id.
        (11, 99, 99, False),
        (11, 11, 0, False),
    ],
)
def test_a_copy_has_the_id_of_the_acknowledgement_or_of_the_store(acked, stored, shown, is_wrong):
    run = acknowledged(acked, 12)
    for seq, id_ in ((1, stored), (2, 12)):
        if id_ is not None:
            name(run, seq, id_, flags=Channel.AUDIT)
    name(run, 1, shown, link=2, spare=NamedFlag.SHOWN)
    found = run.verdict("ack-content")
    assert (SHOWN_ELSEWHERE in sentences(found)) is is_wrong
    if is_wrong:
        assert (found.count, found.witnesses[0].user) == (1, 2)


@pytest.mark.parametrize("id_", [None, 0])
def test_ids_of_copies_are_not_compared_where_acknowledgements_name_none(id_):
    """Then each member may have an archive with ids of its own."""
    run = acknowledged(id_, id_, stored=(11, 12))
    name(run, 1, 99, link=2, spare=NamedFlag.SHOWN)
    assert run.verdict("ack-content").count == 0


def test_a_copy_that_came_before_the_acknowledgement_has_no_known_receiver():
    run = acknowledged(11, 12)
    name(run, 1, 99, link=0, spare=NamedFlag.SHOWN)
    assert sentences(run.verdict("ack-content")) == [SHOWN_ELSEWHERE.replace("u2", "A user")]


def test_the_ids_of_copies_are_none_of_acknowledgements():
    run = acknowledged(11, 12)
    name(run, 1, 12, link=2, spare=NamedFlag.SHOWN | NamedFlag.OTHER_MESSAGE)
    assert acknowledged_ids(run.history()).tolist() == [11, 12]
    # The id that the sender chose is the concern of `phantom`.
    (sentence,) = sentences(run.verdict("ack-content"))
    assert sentence == SHOWN_ELSEWHERE
