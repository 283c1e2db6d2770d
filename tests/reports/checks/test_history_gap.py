"""What a page has to hold, and what it need not."""

import pytest

from gauntlet.core.history import Kind

ROOM, LATE = 7, 5


@pytest.mark.parametrize(("beyond", "outcome"), [(0, "valid"), (1, "invalid")])
def test_a_page_need_not_hold_what_its_reader_may_not_read(verdict, good_story, beyond, outcome):
    """A late member who asks from the beginning is given what is his, and no position less."""
    story = good_story(1)
    (head,) = (story.records[index].seq for index in story.at(Kind.HEAD, conv=ROOM))
    link = next(number for number, it in story.links.items() if it.user == LATE)
    (first,) = (story.records[index].seq for index in story.at(Kind.RANGE, conv=ROOM, peer=LATE))
    story.add(
        Kind.PAGE, 5_025_000_000_000, conv=ROOM, link=link, peer=head - first, sseq=head + beyond
    )
    assert verdict("history-gap", story).outcome == outcome


def test_what_is_shown_once_the_audit_reads_may_be_younger_than_it(verdict, good_story, break_it):
    """The audit has to hold what was shown before it began, and not what came while it read."""
    story = good_story(1)
    ((conv, author, sseq),) = break_it("show_what_the_audit_ends_before", story)
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


def test_a_conversation_that_was_not_audited_has_no_end(verdict, good_story):
    """Whose history nobody read, it left nothing out."""
    story = good_story(1)
    (head,) = story.at(Kind.HEAD, conv=1)
    story.drop([head, *story.at(Kind.AUDIT, conv=1)])
    assert verdict("history-gap", story).outcome == "valid"


def test_an_audit_that_finds_nothing_ends_before_everything(verdict, good_story):
    """An empty history of a conversation in which people were shown messages."""
    story = good_story(1)
    (head,) = story.at(Kind.HEAD, conv=1)
    count = story.records[head].seq
    story.change(head, seq=0)
    story.drop(story.at(Kind.AUDIT, conv=1))
    found = verdict("history-gap", story)
    assert (found.outcome, found.count) == ("invalid", count)
