"""Which positions a page of history must contain."""

import pytest

from gauntlet.core.history import Kind

ROOM, LATE = 7, 5


@pytest.mark.parametrize(("beyond", "outcome"), [(0, "valid"), (1, "invalid")])
def test_a_page_must_contain_only_positions_that_its_reader_may_read(
    verdict, good_story, beyond, outcome
):
    """A late member who reads from the beginning receives nothing from before they joined."""
    story = good_story(1)
    (head,) = (story.records[index].seq for index in story.at(Kind.HEAD, conv=ROOM))
    link = next(number for number, link in story.links.items() if link.user == LATE)
    (first,) = (story.records[index].seq for index in story.at(Kind.RANGE, conv=ROOM, peer=LATE))
    story.add(
        Kind.PAGE, 5_025_000_000_000, conv=ROOM, link=link, peer=head - first, sseq=head + beyond
    )
    assert verdict("history-gap", story).outcome == outcome


def test_the_audit_must_contain_only_what_was_presented_before_it_began(
    verdict, good_story, break_it
):
    story = good_story(1)
    ((conv, author, sseq),) = break_it("present_a_message_beyond_the_audit", story)
    shown = story.at(Kind.DELIVER, conv=conv, peer=author, sseq=sseq)
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", 1)
    assert (
        "was presented before the audit, but the audit ends before it"
        in found.witnesses[0].sentence
    )
    for index in shown:
        story.change(index, t_ns=5_032_200_000_000)
    assert verdict("history-gap", story).outcome == "valid"


def test_a_conversation_without_an_audit_has_no_gap_at_its_end(verdict, good_story):
    story = good_story(1)
    (head,) = story.at(Kind.HEAD, conv=1)
    story.drop([head, *story.at(Kind.AUDIT, conv=1)])
    assert verdict("history-gap", story).outcome == "valid"


def test_every_presented_position_is_a_gap_if_the_audit_is_empty(verdict, good_story):
    story = good_story(1)
    (head,) = story.at(Kind.HEAD, conv=1)
    count = story.records[head].seq
    story.change(head, seq=0)
    story.drop(story.at(Kind.AUDIT, conv=1))
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", count)


def test_an_impossible_head_of_a_page_is_one_range_and_no_array(verdict, good_story):
    """Each of its positions as a number of its own would take gigabytes."""
    story = good_story(1)
    (head,) = (story.records[index].seq for index in story.at(Kind.HEAD, conv=1))
    reader = story.convs[1]["members"][0]
    link = next(number for number, link in story.links.items() if link.user == reader)
    far = 4_000_000_000
    story.add(Kind.PAGE, 5_025_000_000_000, conv=1, link=link, peer=0, seq=head, sseq=far)
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", far - head)
    assert f"claims to reach position {far:,}" in found.witnesses[0].sentence


def test_a_head_beyond_the_audit_is_a_range_of_missing_positions(verdict, good_story):
    story = good_story(1)
    (index,) = story.at(Kind.HEAD, conv=1)
    head = story.records[index].seq
    story.change(index, seq=200_000_000)
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", 200_000_000 - head)
    assert f"lacks positions {head + 1:,} to 200,000,000" in found.witnesses[0].sentence


def test_a_page_of_a_history_whose_beginning_was_deleted_is_not_short(verdict, good_story):
    """Positions 1 and 2 of a conversation are gone, and the page has all the others."""
    story = good_story(1)
    index = story.at(Kind.PAGE, link=0, conv=1)[0]
    story.change(index, peer=story.records[index].peer - 2)
    assert verdict("history-gap", story).outcome == "invalid"
    story.drop([at for seq in (1, 2) for at in story.at(Kind.AUDIT, conv=1, seq=seq)])
    assert verdict("history-gap", story).outcome == "valid"
