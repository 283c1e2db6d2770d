"""Whether the pages of a history have their oldest or their newest message first.

No line says it, but it is the same in all pages of a history. Positions show it. Where there are
none, so do two messages of a page of which one was acknowledged before the other was sent, because
that one is older. In both cases, each page counts once for each direction that such messages have.
In a correct history, all are for the same direction; otherwise, the one that most pages have is
taken, so that the fewest pages are wrong. Without any such messages, the direction is not known.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from gauntlet.core.history import DTYPE, Flag, Kind, PageFlag
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    distinct,
    earliest_from,
    find,
    group_numbers,
    ints,
)
from gauntlet.reports.interchange.spool import READ


class Votes(NamedTuple):
    """What pages show of their direction, added up over groups of conversations.

    `ascending` and `descending` are pages by their positions, `oldest_first` and
    `newest_first` pages by the times of their messages. `entries` is how many messages are in pages
    with several of them.
    """

    ascending: int = 0
    descending: int = 0
    oldest_first: int = 0
    newest_first: int = 0
    entries: int = 0

    def plus(self, other: "Votes") -> "Votes":
        """Return the sums of both."""
        return Votes(*(own + more for own, more in zip(self, other, strict=True)))

    @property
    def is_oldest_first(self) -> bool | None:
        """Whether the oldest message is the first one; None if that is not known."""
        if self.ascending or self.descending:
            return self.ascending >= self.descending
        if self.oldest_first or self.newest_first:
            return self.oldest_first >= self.newest_first
        return None


class Pages(NamedTuple):
    """Records of pages, by their places in a shard.

    In `descending` and `ascending` are those of which some neighbours do so by their positions.
    Behind each of `in_order`, there are the records of its entries, in their order.
    """

    descending: Ints
    ascending: Ints
    in_order: Ints

    def behind(self, count: int) -> "Pages":
        """Return the places behind so many other records."""
        return Pages(self.descending + count, self.ascending + count, self.in_order + count)


def count_votes(rows: Records, ascending: int, descending: int) -> Votes:
    """Return what the pages of a group show that are marked with ENTRIES.

    `ascending` and `descending` are known from positions.
    """
    marked = (rows["kind"] == READ) & (rows["spare"] & PageFlag.ENTRIES != 0)
    own = (rows["kind"] != READ) & np.isin(rows["read"], rows["read"][marked])
    own &= (rows["sseq"] > 0) & (rows["flags"] & (Flag.FOREIGN | Flag.LEFTOVER) == 0)
    entries = np.flatnonzero(own)
    entries = entries[np.argsort(rows["read"][entries], kind="stable")]
    page = group_numbers(ints(rows["read"][entries]))
    several = np.bincount(page, minlength=1)[page] > 1
    entries, page = entries[several], page[several]
    if not entries.size:
        return Votes(ascending, descending)
    message = ints(rows["sseq"][entries])
    stored = (rows["kind"] == Kind.ACK) & (rows["flags"] & Flag.HANDED_OVER == 0)
    acked_ns = _earliest(rows, stored, message)
    sent_ns = _earliest(rows, rows["kind"] == Kind.ATTEMPT, message)
    oldest_first = _pages_with_inversions(page.max() - page[::-1], acked_ns[::-1], sent_ns[::-1])
    newest_first = _pages_with_inversions(page, acked_ns, sent_ns)
    return Votes(ascending, descending, oldest_first, newest_first, entries.size)


def _earliest(rows: Records, chosen: Bools, message: Ints) -> Ints:
    """Return the earliest time of some rows that each message has, NEVER if it has none."""
    messages = distinct(message)
    earliest_ns = np.full(messages.size + 1, NEVER, dtype=np.int64)
    # The additional last entry is for all other messages (-1).
    np.minimum.at(earliest_ns, find(messages, ints(rows["sseq"][chosen])), rows["t_ns"][chosen])
    return earliest_ns[find(messages, message)]


def _pages_with_inversions(page: Ints, acked_ns: Ints, sent_ns: Ints) -> int:
    """Return how many pages have a message before one that was acknowledged before it was sent.

    Entries are sorted by page.
    """
    inverted = (earliest_from(page, acked_ns) < sent_ns) & (sent_ns != NEVER)
    return int(distinct(page[inverted]).size)


def settle(shard: Path, pages: Pages, votes: Votes) -> None:
    """Write into the pages of a shard what follows from the direction of all pages.

    If most of them descend, those that ascend are in disorder. Entries are put in the order of
    their age.
    """
    is_oldest_first = votes.is_oldest_first
    none = pages.descending[:0]
    accepted, refused = (none, none) if is_oldest_first else (pages.descending, pages.ascending)
    directed = pages.in_order[:0] if is_oldest_first is None else pages.in_order
    if not accepted.size + refused.size + directed.size:
        return
    records = np.memmap(shard, dtype=np.dtype(DTYPE), mode="r+")
    records["spare"][accepted] &= np.uint16(~PageFlag.DISORDERED & 0xFFFF)
    records["spare"][refused] |= np.uint16(PageFlag.DISORDERED)
    if is_oldest_first is False:
        _reverse_entries(records, directed)
    records["spare"][directed] |= np.uint16(PageFlag.OLDEST_FIRST)
    records.flush()


def _reverse_entries(records: Records, pages: Ints) -> None:
    counts = ints(records["peer"][pages])
    # 0 1 2, 0 1: the entries of each page, counted from its first.
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    first, last = np.repeat(pages + 1, counts), np.repeat(pages + counts, counts)
    records[first + offset] = records[last - offset]
