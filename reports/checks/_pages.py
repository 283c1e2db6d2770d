"""Pages of history whose entries are recorded: behind the record of a page, in its order.

Only others who recorded a history state that (PageFlag.ENTRIES).
"""

from typing import NamedTuple

import numpy as np

from gauntlet.core.history import Kind, PageFlag
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    contains,
    distinct,
    equal,
    find,
    first_rows,
    ints,
    is_any,
    pair,
)
from gauntlet.reports.history.history import History

_ENTRY_KINDS = (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT)


class Entries(NamedTuple):
    """The entries of pages, page by page, by the indices of their records and of their pages."""

    page: Ints
    record: Ints


class Listings(NamedTuple):
    """The messages that pages list, page by page; `page` has the index of its record."""

    page: Ints
    message: Ints

    def of(self, chosen: Bools) -> "Listings":
        """Return some of the messages."""
        return Listings(self.page[chosen], self.message[chosen])


def marked_pages(history: History) -> Ints:
    """Return the records of the pages whose entries are recorded."""
    records = history.records
    pages = np.flatnonzero(equal(records["kind"], Kind.PAGE))
    marked: Ints = pages[records["spare"][pages] & PageFlag.ENTRIES != 0]
    return marked


def entries(history: History) -> Entries:
    """Return the entries of all pages that are marked."""
    return history.once(_entries)


def _entries(history: History) -> Entries:
    records = history.records
    pages = np.flatnonzero(equal(records["kind"], Kind.PAGE))
    # What follows the next page is not of this one, whatever the line of a page says.
    room = np.append(pages[1:], records.size) - pages - 1
    marked = records["spare"][pages] & PageFlag.ENTRIES != 0
    counts = np.minimum(records["peer"][pages], room)[marked]
    page = np.repeat(pages[marked], counts)
    # 1 2 3, 1 2: the entries of each page, counted from its first.
    at = page + 1 + np.arange(page.size) - np.repeat(np.cumsum(counts) - counts, counts)
    own = is_any(records["kind"][at], _ENTRY_KINDS)
    for column in ("conv", "link", "t_ns"):
        own &= records[column][at] == records[column][page]
    return Entries(page[own], at[own])


def listed_messages(history: History) -> Listings:
    """Return what all marked pages list. A message that a page has twice counts where it is first.

    Messages of strangers and of earlier runs are left out.
    """
    return history.once(_listed_messages)


def _listed_messages(history: History) -> Listings:
    found = entries(history)
    message = history.messages.of_record[found.record]
    listed = Listings(found.page, message).of(message >= 0)
    once = np.sort(first_rows(pair(listed.page, listed.message))[1])
    return Listings(listed.page[once], listed.message[once])


def whole_pages(history: History) -> Ints:
    """Return the records of the marked pages that have as many entries as they claim."""
    pages = marked_pages(history)
    number = find(pages, entries(history).page)
    counts = np.bincount(number, minlength=pages.size)
    whole: Ints = pages[counts == history.records["peer"][pages]]
    return whole


def are_audits(history: History, pages: Ints) -> Bools:
    """Return which complete pages serve as the audit of their conversation.

    The importer gives the head of the audit the time of the page.
    """
    records = history.records
    heads = np.flatnonzero(equal(records["kind"], Kind.HEAD))
    convs = distinct(ints(records["conv"][heads]))
    # The additional last entry is for conversations without an audit (-1).
    read_ns = np.full(convs.size + 1, -1, dtype=np.int64)
    read_ns[find(convs, ints(records["conv"][heads]))] = records["t_ns"][heads]
    complete = records["spare"][pages] & PageFlag.LAST != 0
    read_then = records["t_ns"][pages] == read_ns[find(convs, ints(records["conv"][pages]))]
    found: Bools = complete & (records["seq"][pages] == 0) & read_then
    return found


def shown_at_the_end(history: History) -> Bools:
    """Return which messages without a position are stored, although the audit lacks them.

    Where the audit is a page, any other page that was requested after the last acknowledgement of
    its conversation shows what is stored, too.
    """
    messages, records = history.messages, history.records
    found = np.zeros(len(messages), dtype=np.bool_)
    pages = whole_pages(history)
    conv = ints(records["conv"][pages])
    audited = distinct(conv[are_audits(history, pages)])
    convs = distinct(conv)
    acks = np.flatnonzero(equal(records["kind"], Kind.ACK))
    # The additional last entry is for conversations without a page (-1).
    acked_ns = np.zeros(convs.size + 1, dtype=np.int64)
    np.maximum.at(acked_ns, find(convs, ints(records["conv"][acks])), records["t_ns"][acks])
    final = contains(audited, conv) & (records["ref_ns"][pages] >= acked_ns[find(convs, conv)])
    listed = listed_messages(history)
    found[listed.message[contains(pages[final], listed.page)]] = True
    unplaced: Bools = found & (messages.position == 0)
    return unplaced
