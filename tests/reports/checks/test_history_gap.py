"""What a page has to hold, and what it need not."""

import pytest

from gauntlet.kernel.history import Kind

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
