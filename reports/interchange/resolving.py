"""Turns the rows of one group of conversations into records, once the whole input was read.

The steps: who wrote each message, whether its text is the one that was sent, which position it has,
what a read showed to its reader, and which read serves as the audit of its conversation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.history import DTYPE, STRANGER_SSEQ, Channel, Flag, Kind, PageFlag
from gauntlet.core.run_directory import UNKNOWN_SENDER
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    Records,
    contains,
    distinct,
    find,
    ints,
    pair,
)
from gauntlet.reports.interchange.directions import Pages, Votes, count_votes
from gauntlet.reports.interchange.ranges import Readers, Stay
from gauntlet.reports.interchange.spool import ENTRY, NO_POSITION, READ

_MESSAGE_KINDS = (
    Kind.OP, Kind.ATTEMPT, Kind.ACK, Kind.REJECT, Kind.UNKNOWN, Kind.DELIVER, Kind.RECEIVE,
    Kind.ARRIVED, Kind.AUDIT, ENTRY,
)  # fmt: skip
_SEEN_KINDS = (Kind.DELIVER, Kind.RECEIVE, Kind.ARRIVED, Kind.AUDIT, ENTRY)
_ENDS = (Kind.ACK, Kind.REJECT, Kind.UNKNOWN)
_BEYOND = 1 << 32  # no position is that high
# Of `spare`: a read of which some neighbours are not, or are, in the order of their positions.
_DESCENDING, _ASCENDING = 1 << 15, 1 << 14


@dataclass(frozen=True)
class Resolved:
    """The records of a group, sorted by time; which conversations have an audit; and counts.

    The `descending` ones of the `pages` count as disordered, unless most pages of the history have
    the newest message first, of which `votes` has what those of the group show.
    """

    records: Records
    audited: Ints
    unaudited: Ints
    placed_entries: int
    placed_heads: int
    pages: Pages
    votes: Votes


def resolve(
    rows: Records,
    authors: Ints,
    bodies: Ints,
    end_ns: int,
    *,
    numbered: bool,
    session_of: Ints,
    of_strangers: Ints,
    readers: Readers,
) -> Resolved:
    """Return the records of a group.

    `session_of` has the session of each connection, and `of_strangers` the sorted numbers of the
    messages that users tried to send who were no members.
    """
    rows = _with_authors(rows, authors, bodies)
    rows["seq"] = _positions(rows, numbered=numbered)
    entries = rows["kind"] == ENTRY
    ascending, descending = _describe_reads(rows, numbered=numbered)
    events = _first_events(rows)
    _reach_events(rows, events)
    shown = _shown_events(rows, events)
    _mark_outsiders(rows, readers.stays)
    audits, audited, unaudited = _audits(rows, readers.of_part, shown)
    _mark_ordered_pages(rows)
    votes = count_votes(rows, ascending, descending)
    placed = int((rows["seq"][entries] > 0).sum())
    heads = int(((rows["kind"] == READ) & (rows["spare"] & 1 != 0) & (rows["sseq"] > 0)).sum())
    rows = _show_reads(rows, session_of)
    ends = _unended(rows, end_ns)
    merged = np.concatenate([rows, audits, ends])
    merged = _with_strangers(merged, of_strangers)
    merged = merged[np.argsort(merged["t_ns"], kind="stable")]
    of_reads = (merged["kind"] == Kind.PAGE) & (merged["read"] > 0)
    pages = Pages(
        np.flatnonzero(of_reads & (merged["spare"] & _DESCENDING != 0)),
        np.flatnonzero(of_reads & (merged["spare"] & _ASCENDING != 0)),
        np.flatnonzero(of_reads & (merged["spare"] & PageFlag.ENTRIES != 0)),
    )
    merged["spare"][pages.descending] ^= _DESCENDING
    merged["spare"][pages.ascending] ^= _ASCENDING
    records = np.empty(merged.size, dtype=np.dtype(DTYPE))
    for name, _ in DTYPE:
        records[name] = merged[name]
    return Resolved(records, audited, unaudited, placed, heads, pages, votes)


def _with_authors(rows: Records, authors: Ints, bodies: Ints) -> Records:
    message = np.isin(rows["kind"], _MESSAGE_KINDS)
    message &= rows["flags"] & Flag.ROOM_EVENT == 0
    number = np.where(message, ints(rows["sseq"]), 0)
    author, sender = authors[number], ints(rows["sender"])
    known = np.where(author > 0, author, np.where(sender > 0, sender, UNKNOWN_SENDER))
    rows["peer"] = np.where(message, known, rows["peer"])
    sent, found = bodies[number], ints(rows["body"])
    seen = message & ~np.isin(rows["kind"], (Kind.OP, Kind.ATTEMPT, *_ENDS))
    corrupt = seen & (sent > 0) & (found > 0) & (sent != found)
    rows["flags"] |= np.where(corrupt, Flag.CRC_BAD, 0).astype(np.uint8)
    forged = seen & (author > 0) & (sender > 0) & (author != sender)
    rows["flags"] |= np.where(forged, Flag.FOREIGN, 0).astype(np.uint8)
    return rows


def _with_strangers(rows: Records, numbers: Ints) -> Records:
    """Give the messages of strangers the numbers that no message of a member has."""
    seen = np.isin(rows["kind"], _MESSAGE_KINDS) & (rows["flags"] & Flag.ROOM_EVENT == 0)
    for column, chosen in (("sseq", seen), ("peer", rows["kind"] == Kind.PROBE)):
        own = chosen & contains(numbers, ints(rows[column]))
        rows[column] = np.where(own, ints(rows[column]) + STRANGER_SSEQ, rows[column])
    return rows


def _positions(rows: Records, *, numbered: bool) -> Ints:
    """Return the position of each row; the rank in the conversation if positions have gaps.

    Where a message was seen and its position is not known, it is that of an acknowledgement, of
    another delivery, or of the store: many systems tell only some of the clients.
    """
    seq, position = rows["seq"].astype(np.int64), ints(rows["position"])
    given = (position > 0) & (position != NO_POSITION)
    if numbered:
        seq = np.where(given, position, seq)
    elif given.any():
        conv = ints(rows["conv"])[given]
        _, dense = np.unique(position[given], return_inverse=True)
        places, which = np.unique(pair(conv, dense), return_inverse=True)
        starts = np.searchsorted(places, pair(places >> 32, 0))
        seq[given] = (np.arange(places.size) - starts + 1)[which]
    message = np.isin(rows["kind"], _MESSAGE_KINDS) & (rows["sseq"] > 0)
    placed = np.flatnonzero(message & given)
    bare = (
        np.isin(rows["kind"], _SEEN_KINDS)
        & (position == 0)
        & (rows["flags"] & Flag.ROOM_EVENT == 0)
    )
    # Of other rows, `sseq` is no number of a message: a head may be any number.
    number = np.where(bare | (message & given), rows["sseq"], 0)
    known = np.zeros(int(number.max(initial=0)) + 1, dtype=np.int64)
    known[number[placed[::-1]]] = seq[placed[::-1]]
    return np.where(bare, known[np.where(bare, number, 0)], seq)


def _describe_reads(rows: Records, *, numbered: bool) -> tuple[int, int]:
    """Fill in what the pages claim: after which position, up to which, and whether sorted.

    Return in how many of them neighbours ascend and descend: many systems return the newest message
    first. Whether this one does depends on the pages of all groups, so here each page that descends
    is disordered.
    """
    reads = np.flatnonzero(rows["kind"] == READ)
    reads = reads[np.argsort(rows["read"][reads], kind="stable")]
    entries = np.flatnonzero(rows["kind"] == ENTRY)
    entries = entries[np.argsort(rows["read"][entries], kind="stable")]
    placed = entries[rows["seq"][entries] > 0]
    owner, seq = (
        find(ints(rows["read"][reads]), ints(rows["read"][placed])),
        ints(rows["seq"][placed]),
    )
    same = owner[1:] == owner[:-1]
    descends, ascends = same & (seq[1:] < seq[:-1]), same & (seq[1:] > seq[:-1])
    descending, ascending = distinct(owner[1:][descends]), distinct(owner[1:][ascends])
    rows["spare"][reads[descending]] |= _DESCENDING | int(PageFlag.DISORDERED)
    rows["spare"][reads[ascending]] |= _ASCENDING
    sizes = np.bincount(owner, minlength=reads.size)
    listed = (sizes == rows["peer"][reads]) & (rows["link"][reads] > 0)
    rows["spare"][reads[listed]] |= int(PageFlag.LISTED)
    first, last = np.full(reads.size, _BEYOND, dtype=np.int64), np.zeros(reads.size, dtype=np.int64)
    np.minimum.at(first, owner, seq)
    np.maximum.at(last, owner, seq)
    stated = ints(rows["seq"][reads]) - 1  # -1: no line says where the page begins
    rows["spare"][reads[first <= stated]] |= int(PageFlag.EARLIER)
    whole = (rows["spare"][reads] & PageFlag.LAST != 0) | (sizes == 0)
    after = np.where(stated >= 0, stated, np.where(whole, 0, first - 1))
    rows["seq"][reads] = after
    # The head is no claim about a page that ends before it.
    rows["sseq"][reads[~whole]] = 0
    known = reads if numbered else reads[sizes > 0]
    last = np.maximum(last, after)[np.isin(reads, known)]
    rows["sseq"][known] = np.maximum(ints(rows["sseq"][known]), last)
    return ascending.size, descending.size


def _mark_ordered_pages(rows: Records) -> None:
    """Mark the pages of which all entries stay in the history, behind the page and in its order."""
    of_pages = (rows["kind"] != READ) & (rows["read"] > 0)
    kept = of_pages & ((rows["link"] > 0) | (rows["kind"] == Kind.AUDIT))
    counts = np.bincount(rows["read"][kept], minlength=int(rows["read"].max(initial=0)) + 1)
    reads = np.flatnonzero(rows["kind"] == READ)
    whole = counts[rows["read"][reads]] == rows["peer"][reads]
    rows["spare"][reads[whole]] |= int(PageFlag.ENTRIES)


def _mark_outsiders(rows: Records, stays: Mapping[tuple[int, int], Sequence[Stay]]) -> None:
    """Mark the pages of those who may not have been members all the time until the answer."""
    if not stays:
        return
    readers = np.array(sorted(conv << 32 | link for conv, link in stays), dtype=np.int64)
    reads = np.flatnonzero(np.isin(rows["kind"], (READ, Kind.PAGE)))
    reads = reads[contains(readers, pair(rows["conv"][reads], rows["link"][reads]))]
    for at in reads.tolist():
        read = rows[at]
        known = stays[int(read["conv"]), int(read["link"])]
        if not any(stay.covers(int(read["ref_ns"]), int(read["t_ns"])) for stay in known):
            rows["spare"][at] |= int(PageFlag.OUTSIDE)


def _first_events(rows: Records) -> Records:
    """Return the first line about each change of members, in the order of conversation and time."""
    flagged = rows["flags"] & Flag.ROOM_EVENT != 0
    events = rows[((rows["kind"] == Kind.ROOM) | flagged) & (rows["seq"] > 0)]
    events = events[np.argsort(events["t_ns"], kind="stable")]
    events = events[np.unique(pair(events["conv"], events["seq"]), return_index=True)[1]]
    ordered: Records = events[np.lexsort((events["t_ns"], events["conv"]))]
    return ordered


def _shown_events(rows: Records, events: Records) -> Records:
    """Return the changes of members that are stored although no line says so.

    Where no line says that such a change is stored, the pages of the system have only messages, so
    that a change which a user was shown at a position is not missing there.
    """
    flagged = rows["flags"] & Flag.ROOM_EVENT != 0
    stored = distinct(ints(rows["conv"][flagged & (rows["kind"] == Kind.AUDIT)]))
    shown: Records = events[~contains(stored, ints(events["conv"]))]
    return shown


def _behind(read: Any, events: Records) -> Records:
    """Return the events of the conversation of a read that lie behind where it begins."""
    first, end = np.searchsorted(events["conv"], (read["conv"], read["conv"] + 1))
    own = events[first:end]
    behind: Records = own[own["seq"] > read["seq"]]
    return behind


def _events_before(read: Any, events: Records) -> Records:
    """Return those of the events behind it that were there when a read was begun."""
    behind = _behind(read, events)
    before: Records = behind[behind["t_ns"] < read["ref_ns"]]
    return before


def _reach_events(rows: Records, events: Records) -> None:
    """Let complete reads reach the events before them, which pages need not have."""
    complete = (rows["kind"] == READ) & (rows["spare"] & PageFlag.LAST != 0)
    for at in np.flatnonzero(
        complete & contains(distinct(ints(events["conv"])), ints(rows["conv"]))
    ):
        before = _events_before(rows[at], events)
        rows["sseq"][at] = max(rows["sseq"][at], before["seq"].max(initial=0))
        if not rows["link"][at]:  # the number of entries of an audit's page is compared
            within = _behind(rows[at], events)["seq"] <= rows["sseq"][at]
            rows["peer"][at] += int(within.sum())


def _audits(rows: Records, of_part: Ints, shown: Records) -> tuple[Records, Ints, Ints]:
    """Return AUDIT and HEAD rows of the reads that serve as audits, and which conversations.

    The last complete read of a conversation is its audit, if it was requested after the last
    acknowledgement, if it begins with the first position, if its reader may read everything and was
    a member then, and if the input has no audit of its own.
    """
    declared = np.unique(ints(rows["conv"][rows["kind"] == Kind.HEAD]))
    size = int(rows["conv"].max(initial=0)) + 1
    acked_ns = np.full(size, -1, dtype=np.int64)
    acks = rows[rows["kind"] == Kind.ACK]
    np.maximum.at(acked_ns, acks["conv"], acks["t_ns"])
    complete = rows[(rows["kind"] == READ) & (rows["spare"] & PageFlag.LAST != 0)]
    complete = complete[complete["ref_ns"] >= acked_ns[complete["conv"]]]
    complete = complete[complete["seq"] == 0]
    complete = complete[complete["spare"] & PageFlag.OUTSIDE == 0]
    complete = complete[~contains(of_part, pair(complete["conv"], complete["link"]))]
    complete = complete[np.argsort(complete["ref_ns"], kind="stable")]
    chosen = {int(read["conv"]): read for read in complete if int(read["conv"]) not in declared}
    found = np.array([read["read"] for read in chosen.values()], dtype=np.int64)
    entries = (rows["kind"] == ENTRY) & np.isin(rows["read"], found)
    audit = rows[entries & (rows["link"] > 0)].copy()
    audit["kind"], audit["link"] = Kind.AUDIT, 0
    audit["flags"] = audit["flags"] | Channel.AUDIT
    audit["spare"] = 0
    # What an administrator read is nothing but the audit, so it stays where it is.
    unread = np.flatnonzero(entries & (rows["link"] == 0))
    rows["kind"][unread] = Kind.AUDIT
    rows["flags"][unread] |= int(Channel.AUDIT)
    events = [_events_before(read, shown) for read in chosen.values()]
    for read, stored in zip(chosen.values(), events, strict=True):
        stored["kind"], stored["t_ns"] = Kind.AUDIT, read["t_ns"]
        stored["flags"], stored["link"] = Channel.AUDIT | Flag.ROOM_EVENT, 0
        stored["ref_ns"] = stored["spare"] = 0
    heads = np.array(list(chosen.values()), dtype=rows.dtype)
    heads["kind"], heads["link"], heads["seq"] = Kind.HEAD, 0, heads["sseq"]
    for name in ("sseq", "peer", "spare", "ref_ns"):
        heads[name] = 0
    audited = np.union1d(declared, np.array(list(chosen), dtype=np.int64))
    with_acks = np.unique(ints(acks["conv"]))
    return (
        np.concatenate([audit, *events, heads]),
        audited,
        with_acks[~contains(audited, with_acks)],
    )


def _show_reads(rows: Records, session_of: Ints) -> Records:
    """Turn reads into pages, and their entries into presentations or copies.

    An entry is a presentation if nothing else presents the message to that session. Entries of
    reads without a user are only evidence of what is stored.
    """
    entry = (rows["kind"] == ENTRY) & (rows["link"] > 0)
    session = session_of[rows["link"]]
    message = ints(rows["sseq"])
    delivered: Bools = rows["kind"] == Kind.DELIVER
    shown = np.unique(pair(session[delivered], message[delivered]))
    at = np.flatnonzero(entry)
    keys = pair(session[at], message[at])
    first = np.zeros(at.size, dtype=np.bool_)
    first[np.unique(keys, return_index=True)[1]] = True
    # What one page has twice is shown twice.
    _, first_of_entry = np.unique(pair(rows["read"][at], message[at]), return_index=True)
    again = np.ones(at.size, dtype=np.bool_)
    again[first_of_entry] = False
    presents = (first & ~contains(shown, keys)) | (again & (message[at] > 0))
    rows["kind"][at] = np.where(presents, Kind.DELIVER, Kind.RECEIVE)
    copied = np.where(presents, 0, Flag.DUPLICATE) | Channel.HISTORY
    rows["flags"][at] |= copied.astype(np.uint8)
    rows["spare"][at] = 0
    rows["kind"][rows["kind"] == READ] = Kind.PAGE
    kept: Records = rows[rows["kind"] != ENTRY]
    return kept


def _unended(rows: Records, end_ns: int) -> Records:
    """Return an UNKNOWN row for each send of which no end is known."""
    ended = np.unique(ints(rows["sseq"][np.isin(rows["kind"], _ENDS)]))
    ops = rows[rows["kind"] == Kind.OP]
    open_: Records = ops[~contains(ended, ints(ops["sseq"]))].copy()
    open_["kind"], open_["t_ns"], open_["position"], open_["seq"] = Kind.UNKNOWN, end_ns, 0, 0
    open_["spare"] = 1
    return open_
