"""What pages of history list, where the order of their entries is known.

Clients sort what they receive, so the pages of a load show no order. Those that others recorded do:
behind the record of such a page (ENTRIES), there is one of each of its entries, in their order.
A page is compared by itself, like a session that receives nothing else: what a user read before
says nothing, because users may read backwards.
"""

from typing import NamedTuple

import numpy as np

from gauntlet.core.history import Kind, PageFlag
from gauntlet.reports.checks._shared import first_deliveries, named_by
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    equal,
    first_rows,
    is_any,
    pair,
)
from gauntlet.reports.history.history import History

FIRST_PAGE = 1 << 32  # no session has such a number
_ENTRY_KINDS = (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT)


class Listings(NamedTuple):
    """The messages that pages list, page by page; `page` has the index of its record."""

    page: Ints
    message: Ints

    def of(self, chosen: Bools) -> "Listings":
        """Return some of the messages."""
        return Listings(self.page[chosen], self.message[chosen])


def listings(history: History) -> Listings:
    """Return what all pages list of which the order of the entries is known.

    A message that a page has twice counts where it is first. Pages that are not in the order of
    their positions are the concern of `history-order`.
    """
    return history.once(_listings)


def _listings(history: History) -> Listings:
    records = history.records
    pages = np.flatnonzero(equal(records["kind"], Kind.PAGE))
    flags = records["spare"][pages]
    chosen = flags & PageFlag.ENTRIES != 0
    if named_by(history, "history-order"):
        chosen &= flags & PageFlag.DISORDERED == 0
    if not chosen.any():
        return Listings(pages[:0], pages[:0])
    # What follows the next page is not of this one, whatever the line of a page says.
    room = (np.append(pages[1:], records.size) - pages - 1)[chosen]
    counts = np.minimum(records["peer"][pages[chosen]], room)
    page = np.repeat(pages[chosen], counts)
    # 1 2 3, 1 2: the entries of each page, counted from its first.
    at = page + 1 + np.arange(page.size) - np.repeat(np.cumsum(counts) - counts, counts)
    listed = is_any(records["kind"][at], _ENTRY_KINDS) & (history.messages.of_record[at] >= 0)
    for column in ("conv", "link", "t_ns"):
        listed &= records[column][at] == records[column][page]
    page, message = page[listed], history.messages.of_record[at[listed]]
    once = np.sort(first_rows(pair(page, message))[1])
    return Listings(page[once], message[once])


def oldest_first(history: History) -> Listings:
    """Return what pages list that certainly have the older of two messages first."""
    listed = listings(history)
    flags = history.records["spare"][listed.page]
    return listed.of(flags & PageFlag.OLDEST_FIRST != 0)


def in_some_direction(history: History) -> Listings:
    """Return what pages list of which it is not known whether they have the oldest message first.

    All of them have the same direction.
    """
    listed = listings(history)
    flags = history.records["spare"][listed.page]
    return listed.of(flags & PageFlag.OLDEST_FIRST == 0)


def without_positions(history: History, listed: Listings) -> Listings:
    """Return the pages that list a message whose position is not known."""
    bare = np.unique(listed.page[history.messages.position[listed.message] == 0])
    return listed.of(np.isin(listed.page, bare))


def first_presentations(history: History) -> tuple[Ints, Ints]:
    """Return (message, reader) of all first deliveries, and of what directed pages list.

    A reader is a session, or a page: FIRST_PAGE and the index of its record.
    """
    message, session = first_deliveries(history)
    listed = oldest_first(history)
    if not listed.page.size:
        return message, session
    return (
        np.concatenate([message, listed.message]),
        np.concatenate([session, FIRST_PAGE + listed.page]),
    )


def witness_of(history: History, reader: int, shown: str, messages: tuple[int, ...]) -> Witness:
    """Return the witness that a reader was shown one message before another."""
    if reader < FIRST_PAGE:
        user, _ = history.names.sessions[reader]
        return Witness(f"{history.names.user(user)} received {shown}", messages, user)
    page = reader - FIRST_PAGE
    user = int(history.user[page])
    name = history.names.user(user) if user else "an administrator"
    return Witness(f"A page that {name} read has {shown}", messages, user, (page,))
