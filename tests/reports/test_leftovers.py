"""Messages of earlier runs change no verdict, and hide no violation."""

import pytest

from gauntlet.campaigns.synthetic.access_mutators import name_a_stranger_as_a_member
from gauntlet.campaigns.synthetic.exit_mutators import (
    remove_a_member_without_a_request,
    report_that_a_user_left_who_stays,
)
from gauntlet.campaigns.synthetic.histories import ROOM, good_story
from gauntlet.campaigns.synthetic.mutators import MUTATORS
from gauntlet.campaigns.synthetic.story import ZERO, S
from gauntlet.core.history import Channel, Flag, Kind, PageFlag

COUNT = 40
# Where earlier runs used the accounts, others may add members and have them removed.
BY_OTHERS = (name_a_stranger_as_a_member, remove_a_member_without_a_request)


def violated(result):
    """Return the ids of the violated checks."""
    return {check["id"] for check in result["checks"] if check["verdict"] == "invalid"}


def with_leftovers(story):
    """Return the story after an earlier run."""
    story.leave_behind(COUNT)
    story.reconcile()
    return story


def test_leftovers_are_counted_and_violate_no_check(judged):
    before, story = judged(good_story(1)), good_story(1)
    result = judged(with_leftovers(story))
    assert violated(result) == set()
    assert result["verdict"]["status"] == "pass"
    conversations = len(story.convs) - 1
    assert result["leftovers"] == {
        "pushed": conversations, "read": COUNT * conversations, "audited": COUNT * conversations
    }  # fmt: skip
    assert result["counts"] == before["counts"]
    assert result["latency"] == before["latency"]
    (caveat,) = (text for text in result["caveats"] if "leftovers" in text)
    assert f"{COUNT * conversations:,} were read" in caveat


def test_a_run_that_meets_no_leftovers_has_no_caveat(judged):
    result = judged(good_story(1))
    assert result["leftovers"] == {"pushed": 0, "read": 0, "audited": 0}
    assert not any("leftovers" in text for text in result["caveats"])


@pytest.mark.parametrize("mutate", BY_OTHERS, ids=lambda mutate: mutate.__name__)
def test_what_others_do_to_the_members_violates_no_check(judged, mutate):
    story = with_leftovers(good_story(1))
    mutate(story)
    result = judged(story)
    assert violated(result) == set()
    assert result["verdict"]["status"] == "pass"


@pytest.mark.parametrize(
    "mutate",
    [each for each in MUTATORS if each not in BY_OTHERS],
    ids=lambda mutate: mutate.__name__,
)
def test_leftovers_hide_no_violation(judged, mutate):
    story = good_story(1)
    mutate(story)
    if mutate is report_that_a_user_left_who_stays:
        story.chaos.clear()  # the leases of an external server may be shorter than any fault
    assert MUTATORS[mutate] in violated(judged(with_leftovers(story)))


def test_the_server_may_have_deleted_what_earlier_runs_left_behind(judged):
    """The pages and the audit begin after it, and heads still count it."""
    story = with_leftovers(good_story(1))
    story.drop(
        [index for index, record in enumerate(story.records) if record.flags & Flag.LEFTOVER]
    )
    assert violated(judged(story)) == set()


def test_the_same_holes_are_violations_where_accounts_are_new_in_each_run(judged):
    story = with_leftovers(good_story(1))
    story.drop(
        [index for index, record in enumerate(story.records) if record.flags & Flag.LEFTOVER]
    )
    story.scenario["accounts"]["pattern"] = "load-{run}-{n}"
    assert violated(judged(story)) == {"history-gap"}


def test_a_hole_between_messages_of_the_run_is_a_violation(judged):
    story = with_leftovers(good_story(1))
    conv = next(story.records[index].conv for index in story.at(Kind.HEAD)
                if story.records[index].conv != ROOM)  # fmt: skip
    story.drop(story.at(Kind.AUDIT, conv=conv, seq=COUNT + 3))
    assert violated(judged(story)) == {"lost-acked"}


def test_a_message_of_the_run_at_the_position_of_a_leftover_is_a_conflict(judged):
    story = with_leftovers(good_story(1))
    index = story.at(Kind.AUDIT, flags=Channel.AUDIT | Flag.LEFTOVER)[COUNT - 1]
    left = story.records[index]
    story.add(
        Kind.AUDIT, ZERO + 61 * S, conv=left.conv, peer=left.peer, sseq=left.sseq + 1,
        seq=left.seq, ref_ns=left.ref_ns, flags=left.flags,
    )  # fmt: skip
    assert violated(judged(story)) == {"position"}


def audited_from_the_beginning(short_by=0):
    """Return a story whose audit read each conversation by one page; leftovers 11 to 30 are gone.

    The server deleted them after the members had read them. The pages are short of `short_by`
    entries of the run, too.
    """
    story = with_leftovers(good_story(1))
    old = [index for index in story.at(Kind.AUDIT) if story.records[index].flags & Flag.LEFTOVER]
    deleted = [index for index in old if 10 < story.records[index].seq <= 30]
    convs = {story.records[index].conv for index in deleted}
    for index in story.at(Kind.PAGE, link=0):
        record = story.records[index]
        if record.conv in convs:
            story.change(index, seq=0, peer=record.peer + COUNT - 20 - short_by)
    story.drop(deleted)
    return story


def test_pages_are_not_short_of_leftovers_that_were_deleted_in_the_middle(judged):
    assert violated(judged(audited_from_the_beginning())) == set()


def test_pages_that_are_short_of_messages_of_the_run_are_found_beside_deleted_leftovers(judged):
    assert violated(judged(audited_from_the_beginning(short_by=1))) == {"history-gap"}


def test_a_conversation_of_which_only_leftovers_are_known_owes_no_page(judged):
    """The server deleted all of them between the first read and the audit."""
    story = with_leftovers(good_story(1))
    link = next(iter(story.links))
    user = story.links[link].user
    conv = max(story.convs) + 1
    other = next(name for name in story.convs[min(story.convs)]["members"] if name != user)
    story.convs[conv] = {**story.convs[min(story.convs)], "name": "d.old", "members": [user, other]}
    fields = {"conv": conv, "peer": other, "sseq": 5, "seq": 5, "ref_ns": S}
    story.add(Kind.DELIVER, ZERO + S, link=link, flags=Channel.RESYNC | Flag.LEFTOVER, **fields)
    audit = {"t_ns": ZERO + 60 * S, "ref_ns": ZERO + 59 * S, "conv": conv}
    story.add(Kind.PAGE, sseq=5, spare=PageFlag.LAST, **audit)
    story.add(Kind.HEAD, ZERO + 60 * S, conv=conv, seq=5)
    story.reconcile()
    assert violated(judged(story)) == set()
