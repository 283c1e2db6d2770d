"""What pages of history list, where the order of their entries is known.

Clients sort what they receive, so the pages of a load show no order. Those that others recorded do:
behind the record of such a page (ENTRIES), there is one of each of its entries, in their order.
A page is compared by itself, like a session that receives nothing else: what a user read before
says nothing, because users may read backwards.
"""

import numpy as np

from gauntlet.core.history import PageFlag
from gauntlet.reports.checks._pages import Listings, listed_messages
from gauntlet.reports.checks._shared import first_deliveries, named_by
from gauntlet.reports.checks.finding import Witness
from gauntlet.reports.history.arrays import Ints
from gauntlet.reports.history.history import History

FIRST_PAGE = 1 << 32  # no session has such a number


def listings(history: History) -> Listings:
    """Return what all pages list that have several entries, of which the order is known.

    A message that a page has twice counts where it is first. Pages that are not in the order of
    their positions are the concern of `history-order`.
    """
    return history.once(_listings)


def _listings(history: History) -> Listings:
    records, listed = history.records, listed_messages(history)
    chosen = records["peer"][listed.page] > 1
    if named_by(history, "history-order"):
        chosen &= records["spare"][listed.page] & PageFlag.DISORDERED == 0
    return listed.of(chosen)


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
