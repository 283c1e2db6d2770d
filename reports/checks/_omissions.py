"""What pages of history omitted, although it was due.

The entries that a client has already leave no record. So a position counts as returned if the
reader has it at the end. Only of some pages all entries have records (LISTED): of those that others
recorded, and of those that a load reads besides its re-syncs. Such a page must itself contain what
a client knew before it was requested. It has messages only: a position with a change of members is
not missing there.

Where messages may be deleted or expire, an omission proves nothing. Where a server keeps only the
end of a conversation, a page begins with what is left.
"""

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import RECORDED, Channel, Flag, Kind, PageFlag
from gauntlet.reports.checks._known_positions import KnownPositions
from gauntlet.reports.checks._shared import only_read
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    contains,
    distinct,
    equal,
    find,
    grouped,
    has_flag,
    ints,
    is_any,
    pair,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

_PUSH_NS = 5 * NS_PER_S  # until then, clients knew what was stored when a page was answered
RECEIVED_KINDS = (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM)


def omitted(history: History, positions: KnownPositions, page: Ints, position: Ints) -> Bools:
    """Return which positions are missing; `page` has the record of the page that had to have it."""
    missing = ~_received(history, page, position) & ~_expired(history, positions, page, position)
    listed = np.flatnonzero(history.records["spare"][page] & PageFlag.LISTED != 0)
    if listed.size:
        missing[listed] = _unlisted(
            history, positions, page[listed], position[listed], missing[listed]
        )
    return missing


def _received(history: History, page: Ints, position: Ints) -> Bools:
    """Return whether the receiver of each page has the position at the end.

    A load also reads pages whose entries no inbox receives: they do not show that a re-sync was
    complete.
    """
    if not page.size:
        return np.zeros(0, dtype=np.bool_)
    records = history.records
    readers, _, reader = grouped(pair(records["conv"][page], history.user[page]))
    received = is_any(records["kind"], RECEIVED_KINDS)
    if history.scenario.target.adapter != RECORDED:
        received &= ~only_read(records)
    at = np.flatnonzero(received)
    receiver = find(readers, pair(records["conv"][at], history.user[at]))
    places = np.sort(pair(receiver, records["seq"][at])[receiver >= 0])
    return contains(places, pair(reader, position))


def _unlisted(
    history: History, positions: KnownPositions, page: Ints, position: Ints, missing: Bools
) -> Bools:
    """Return what is missing of the positions of pages whose entries are all recorded.

    `missing` is what their readers never received at all.
    """
    records = history.records
    place = pair(records["conv"][page], position)
    places, _, which = grouped(place)
    known = positions.since_ns(places)[which] < records["ref_ns"][page]
    absent = (known & ~_expired(history, positions, page, position)) | missing
    return (
        absent & ~_has_entry(history, page, position) & ~contains(_places_of_events(history), place)
    )


def _has_entry(history: History, page: Ints, position: Ints) -> Bools:
    """Return which positions a page has: by a record of its connection and its time."""
    records = history.records
    pages = distinct(page)
    at = is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE))
    at &= equal(records["flags"] & CHANNEL_BITS, Channel.HISTORY)
    own = distinct(pair(records["conv"][pages], records["link"][pages]))
    entries = np.flatnonzero(at)
    entries = entries[contains(own, pair(records["conv"][entries], records["link"][entries]))]
    both = np.concatenate([pages, entries])
    reader = grouped(pair(records["conv"][both], records["link"][both])).of_row
    answer = grouped(pair(reader, grouped(ints(records["t_ns"][both])).of_row)).of_row
    listed = distinct(pair(answer[pages.size :], records["seq"][entries]))
    return contains(listed, pair(answer[: pages.size][find(pages, page)], position))


def _places_of_events(history: History) -> Ints:
    """Return the sorted places at which changes of members are known."""
    records = history.records
    events = equal(records["kind"], Kind.ROOM) | has_flag(records["flags"], Flag.ROOM_EVENT)
    at = np.flatnonzero(events & (records["seq"] > 0))
    return distinct(pair(records["conv"][at], records["seq"][at]))


def _expired(history: History, positions: KnownPositions, page: Ints, position: Ints) -> Bools:
    """Return which positions the server need not have kept until a page was answered.

    How much was stored then is not known exactly: what clients knew a little later counts as well.
    """
    expired = np.zeros(page.size, dtype=np.bool_)
    retention, records = history.traits.retention, history.records
    if retention is None:
        return expired
    conv, answered_ns = ints(records["conv"][page]), ints(records["t_ns"][page])
    if retention.count is not None:
        expired |= position <= positions.before(conv, answered_ns + _PUSH_NS) - retention.count
    if retention.age_s is not None:
        messages = history.messages
        sent = np.flatnonzero(messages.sent & (messages.position > 0))
        places, first, _ = grouped(pair(messages.conv[sent], messages.position[sent]))
        at = find(places, pair(conv, position))
        # The additional last entry is for positions without a message (-1).
        sent_ns = np.append(messages.first_attempt_ns[sent][first], 0)[at]
        oldest_ns = answered_ns - int(retention.age_s * NS_PER_S)
        expired |= np.where(sent_ns == NEVER, 0, sent_ns) < oldest_ns
    return expired
