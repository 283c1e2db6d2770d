"""Which direction pages have, and how it is written into the records of a history."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Flag, Kind, PageFlag, Record
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.interchange.directions import Pages, Votes, count_votes, settle
from gauntlet.reports.interchange.spool import ENTRY, FIELDS, READ

NONE = np.empty(0, dtype=np.int64)


def rows_of(sends, *pages, flags=0):
    """Return rows of messages (sent, acknowledged), numbered from 1, and of pages that list them.

    A number that no message has is that of one which was not sent.
    """
    rows = []
    for number, (sent_ns, acked_ns) in enumerate(sends, 1):
        rows.append({"kind": Kind.ATTEMPT, "t_ns": sent_ns, "sseq": number})
        if acked_ns != NEVER:
            rows.append({"kind": Kind.ACK, "t_ns": acked_ns, "sseq": number, "flags": flags})
    for read, page in enumerate(pages, 1):
        rows.append({"kind": READ, "t_ns": 100, "read": read, "spare": PageFlag.ENTRIES, "sseq": 7})
        rows += [{"kind": ENTRY, "t_ns": 100, "read": read, "sseq": each} for each in page]
    found = np.zeros(len(rows), dtype=np.dtype(FIELDS))
    for at, row in enumerate(rows):
        for name, value in row.items():
            found[name][at] = value
    return found


IN_SEQUENCE = [(1, 2), (3, 4), (5, 6)]


@pytest.mark.parametrize(
    ("pages", "oldest_first", "newest_first", "entries"),
    [
        ([(1, 2, 3)], 1, 0, 3),
        ([(3, 2, 1)], 0, 1, 3),
        ([(1, 3, 2)], 1, 1, 3),
        ([(1, 2), (2, 3), (3, 1)], 2, 1, 6),
        ([(1,), (2,), ()], 0, 0, 0),
        ([(9, 8), (1, 9)], 0, 0, 4),
        # The first of one page is not compared with the last of another one.
        ([(9, 3), (1, 9)], 0, 0, 4),
    ],
)
def test_each_page_is_one_vote_for_each_direction_that_it_shows(
    pages, oldest_first, newest_first, entries
):
    found = count_votes(rows_of(IN_SEQUENCE, *pages), 0, 0)
    assert found == Votes(0, 0, oldest_first, newest_first, entries)


@pytest.mark.parametrize(
    ("sends", "flags"),
    [
        ([(1, 4), (3, 5), (4, 6)], 0),  # the third was sent in the moment of the acknowledgement
        ([(1, NEVER), (3, NEVER), (5, NEVER)], 0),
        (IN_SEQUENCE, Flag.HANDED_OVER),
    ],
)
def test_messages_without_a_certain_order_show_no_direction(sends, flags):
    found = count_votes(rows_of(sends, (1, 2, 3), flags=flags), 0, 0)
    assert (found.oldest_first, found.newest_first, found.entries) == (0, 0, 3)


def test_leftovers_and_foreign_messages_show_no_direction():
    rows = rows_of(IN_SEQUENCE, (1, 2), (2, 3))
    entries = np.flatnonzero(rows["kind"] == ENTRY)
    rows["flags"][entries[0]] = Flag.LEFTOVER
    rows["flags"][entries[3]] = Flag.FOREIGN
    assert count_votes(rows, 0, 0) == Votes()


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        (Votes(), None),
        (Votes(entries=9), None),
        (Votes(ascending=1, descending=8), False),
        (Votes(ascending=1, descending=1), True),
        (Votes(descending=1, oldest_first=8), False),
        (Votes(oldest_first=2, newest_first=2), True),
        (Votes(oldest_first=1, newest_first=2), False),
    ],
)
def test_positions_decide_and_then_most_pages(votes, expected):
    assert votes.is_oldest_first is expected
    assert Votes().plus(votes).plus(Votes(entries=1)) == votes._replace(entries=votes.entries + 1)


@pytest.fixture
def settled(tmp_path):
    """Return a function that settles two pages, and returns the flags and numbers of all records.

    The first page has the messages 1 to 3, and the second one 4 and 5.
    """

    def run(votes, descending=NONE, ascending=NONE):
        flags = PageFlag.ENTRIES | PageFlag.DISORDERED
        records = [Record(1, kind=Kind.PAGE, peer=3, spare=flags)]
        records += [Record(1, kind=Kind.DELIVER, sseq=at) for at in (1, 2, 3)]
        records += [Record(2, kind=Kind.PAGE, peer=2, spare=flags)]
        records += [Record(2, kind=Kind.DELIVER, sseq=at) for at in (4, 5)]
        file = tmp_path / "w0-g0.bin"
        file.write_bytes(b"".join(record.pack() for record in records))
        settle(file, Pages(descending, ascending, np.array([0, 4])), votes)
        found = np.fromfile(file, dtype=np.dtype(DTYPE))
        pages = found["kind"] == Kind.PAGE
        return found["spare"][pages].tolist(), found["sseq"][~pages].tolist()

    return run


MARKED = PageFlag.ENTRIES | PageFlag.DISORDERED


def test_pages_with_the_newest_message_first_are_reversed(settled):
    directed = MARKED | PageFlag.OLDEST_FIRST
    assert settled(Votes(newest_first=1)) == ([directed, directed], [3, 2, 1, 5, 4])
    assert settled(Votes(oldest_first=1)) == ([directed, directed], [1, 2, 3, 4, 5])


def test_pages_without_a_known_direction_stay_as_they_are(settled):
    assert settled(Votes(entries=5)) == ([MARKED, MARKED], [1, 2, 3, 4, 5])


def test_descending_pages_are_in_order_if_most_descend(settled):
    second = np.array([4])
    accepted = PageFlag.ENTRIES | PageFlag.OLDEST_FIRST
    directed = MARKED | PageFlag.OLDEST_FIRST
    assert settled(Votes(descending=1), second)[0] == [directed, accepted]
    assert settled(Votes(descending=1, ascending=1), second)[0] == [directed, directed]
    # A page that does both is in disorder, whatever the others do.
    votes = Votes(descending=2, ascending=1)
    assert settled(votes, np.array([0, 4]), second)[0] == [accepted, directed]


def test_places_in_a_shard_count_what_precedes_them():
    moved = Pages(np.array([1]), np.array([2]), np.array([0, 4])).behind(3)
    assert [each.tolist() for each in moved] == [[4], [5], [3, 7]]
