"""history-gap: a page of history, or the audit, left out a position that it had to contain.

A page requested `after` p covers the positions from p+1 up to its last entry if it is full, or else
up to the head that it reports (the record of the page has this last position). `_omissions` says
which of these were returned. A page need not contain positions that its reader must not read, nor
the reader's own messages where the system sends users none of their own.

The audit reads everything: it must have no hole between its lowest position and the head that the
server reports, and must not end before a position that some client received before the audit began.

Where the accounts may be older than the run, positions before the run's first message in their
conversation are not required: the server may have deleted what earlier runs left behind.

What others recorded may have no positions. `_page_gaps` says what its pages had to contain.

A position that is omitted because its acknowledged message is lost concerns `lost-acked`.

A server must not state positions that do not exist yet, when it accepts a connection, announces a
gap or reports a head: `_claimed_ends` says how that shows.

A broken server may report any head. Positions beyond the last one that any record of the
conversation contains are therefore counted as a range and not one by one.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gauntlet.core.history import RECORDED, Flag, Kind, PageFlag
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.reports.checks import _claimed_ends
from gauntlet.reports.checks._known_positions import KnownPositions, last_pages
from gauntlet.reports.checks._omissions import RECEIVED_KINDS, omitted
from gauntlet.reports.checks._page_gaps import find_gaps
from gauntlet.reports.checks._shared import (
    OwnPositions,
    certainly_in,
    first_positions,
    lost_places,
    messages_at,
)
from gauntlet.reports.checks.finding import WITNESSES_MAX, Counted, Finding, Witness
from gauntlet.reports.formatting import counted
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    contains,
    distinct,
    equal,
    find,
    ints,
    is_any,
    pair,
)
from gauntlet.reports.history.history import History

_LOW = 0xFFFFFFFF

KIND = CheckKind(
    "history-gap",
    "the history omitted a position inside its range, or one that was delivered before",
    aspect="re-sync",
    required=True,
    needs=(SERVER_SEQ, HISTORY),
    pages_suffice="listed",
    # A hole takes positions on both of its sides.
    examined_min=3,
)


_MAY_DISAPPEAR = (
    "{count} {positions} {are} missing that pages had to contain, and the adapter declares that "
    "messages may be deleted or expire."
)
_NOTHING = "Hardly any page had to contain a position that its reader does not have anyway."


def check(history: History) -> Finding:
    positions = history.once(KnownPositions)
    page, position, beyond_pages = _required_positions(history, positions)
    lost = lost_places(history)
    missing = omitted(history, positions, page, position)
    missing &= ~contains(lost, pair(history.records["conv"][page], position))
    absent = np.flatnonzero(missing)
    holes, audited = _audit_holes(history)
    holes = [part for hole in holes for part in _without(hole, lost)]
    beyond = _beyond_audit(history)
    short, short_audited = _short_pages(history, positions)
    claims = _claimed_ends.find_claims(history, positions)
    in_ranges = sum(hole.size for hole in (*holes, *beyond_pages))
    unplaced = find_gaps(history)
    examined = position.size + audited + beyond.size + in_ranges + short_audited + len(claims)
    examined += unplaced.examined
    gaps = absent.size + beyond.size + in_ranges + short.size + unplaced.missing
    may_disappear = history.traits.may_disappear
    witnesses = [
        *(
            _page_witness(history, int(page[at]), int(position[at]))
            for at in absent[:WITNESSES_MAX]
        ),
        *(_beyond_witness(history, hole) for hole in beyond_pages[:WITNESSES_MAX]),
        *(_hole_witness(history, hole) for hole in holes[:WITNESSES_MAX]),
        *(_short_witness(history, int(page)) for page in short[:WITNESSES_MAX]),
        *(_end_witness(history, int(place)) for place in beyond[:WITNESSES_MAX]),
        *unplaced.witnesses,
    ]
    if may_disappear:
        witnesses = []
    witnesses += [_claimed_ends.witness(history, claim) for claim in claims[:WITNESSES_MAX]]
    return Finding(
        examined=examined,
        subject=f"{_required(history)} that pages had to contain",
        statement="{count} of {examined} {subject} {are} missing.",
        count=(0 if may_disappear else gaps) + len(claims),
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        not_applicable=_NOTHING if _is_negligible(history, examined, gaps + len(claims)) else "",
        doubts=(Counted(_MAY_DISAPPEAR, gaps if may_disappear else 0),),
    )


def _required(history: History) -> str:
    """Return what pages have to contain, in words."""
    return "positions" if SERVER_SEQ in history.capabilities else "messages"


def _is_negligible(history: History, examined: int, violations: int) -> bool:
    """Return whether an imported history has so few pages that it need not be judged by them."""
    recorded = history.scenario.target.adapter == RECORDED
    return recorded and examined < KIND.examined_min and not violations


def _short_pages(history: History, positions: KnownPositions) -> tuple[Ints, int]:
    """Return the last pages of the audit that stop short, and how many pages were examined.

    Such a page ends before a position up to which it had to reach: one that clients knew before it
    was requested, and that is not beyond the head that the page reports. The audit requests what
    follows, so a page that stops short makes no message appear to be lost.
    """
    records = history.records
    pages = last_pages(records)
    pages = pages[records["link"][pages] == 0]
    conv = ints(records["conv"][pages])
    known = positions.before(conv, ints(records["ref_ns"][pages]))
    had_to_reach = np.minimum(known, ints(records["sseq"][pages]))
    # A server may have deleted the beginning of a conversation.
    start = np.maximum(ints(records["seq"][pages]), _audit_begins(history, conv) - 1)
    first = first_positions(history, conv)
    # What only earlier runs have written may have been deleted. What the audit lacks before its
    # last entry is lost, or a hole, and the page may have reached its end nevertheless.
    until = np.maximum(first - 1, _audit_reaches(history, conv))
    absent = _absent(history, conv, start, np.minimum(until, had_to_reach))
    short = start + ints(records["peer"][pages]) + absent < had_to_reach
    return pages[short & (first <= had_to_reach)], pages.size


def _absent(history: History, conv: Ints, after: Ints, last: Ints) -> Ints:
    """Return how many of the positions from `after` + 1 to `last` the audit did not find."""
    places = history.once(_audited_places)
    last = np.maximum(after, last)
    before, until = (np.searchsorted(places, pair(conv, end), "right") for end in (after, last))
    return last - after - ints(until - before)


def _audit_begins(history: History, conv: Ints) -> Ints:
    """Return the lowest position that the audit found in each conversation, 1 if none."""
    places = history.once(_audited_places)
    first = np.append(places, np.int64(-1))[np.searchsorted(places, pair(conv, 0))]
    return np.where(first >> 32 == conv, first & _LOW, 1)


def _audit_reaches(history: History, conv: Ints) -> Ints:
    """Return the highest position that the audit found in each conversation, 0 if none."""
    places = history.once(_audited_places)
    last = np.append(places, np.int64(-1))[np.searchsorted(places, pair(conv + 1, 0)) - 1]
    return np.where(last >> 32 == conv, last & _LOW, 0)


def _audited_places(history: History) -> Ints:
    """Return the sorted keys (conversation, position) of what the audit found."""
    records = history.records
    at = np.flatnonzero(equal(records["kind"], Kind.AUDIT) & (records["seq"] > 0))
    return distinct(pair(records["conv"][at], records["seq"][at]))


class Hole(NamedTuple):
    """Positions `first` to `last` are missing: in the audit of `conv`, or in the record `page`."""

    conv: int
    first: int
    last: int
    page: int = -1

    @property
    def size(self) -> int:
        """How many positions are missing."""
        return self.last - self.first + 1


def _required_positions(
    history: History, positions: KnownPositions
) -> tuple[Ints, Ints, list[Hole]]:
    """Return (record of the page, position) of everything that pages had to contain.

    The third value has what pages claimed beyond the last position that is known at all.
    """
    records = history.records
    pages = np.flatnonzero(equal(records["kind"], Kind.PAGE) & (records["link"] > 0))
    after, last = ints(records["seq"][pages]), ints(records["sseq"][pages])
    known = np.maximum(after, positions.last(ints(records["conv"][pages])))
    beyond = [
        Hole(int(records["conv"][pages[at]]), int(known[at]) + 1, int(last[at]), int(pages[at]))
        for at in np.flatnonzero(last > known)
    ]
    covered = np.maximum(np.minimum(last, known) - after, 0)
    offset = np.arange(covered.sum()) - np.repeat(np.cumsum(covered) - covered, covered)
    page = np.repeat(pages, covered)
    position = np.repeat(after, covered) + 1 + offset
    place = ints(records["conv"][page]), history.user[page], position
    required = ~history.membership.excluded(*place) & ~history.once(OwnPositions).contain(*place)
    required &= position >= first_positions(history, place[0])
    # A page for a user who was added again need not contain what they could read before.
    reader = ints(records["conv"][pages]), history.user[pages]
    begins = np.repeat(history.membership.range_begins(*reader, last), covered)
    required &= position >= begins
    required &= ~_unsure(history, *place)
    beyond = _of_this_run(history, beyond)
    return page[required], position[required], _readable(history, beyond)


def _unsure(history: History, conv: Ints, user: Ints, position: Ints) -> Bools:
    """Return which positions a member of unknown range need not have received.

    These lie before or after all that they received, or were sent while they may have been out.
    """
    unsure = history.membership.unsure(conv, user)
    if not unsure.any():
        return unsure
    records = history.records
    readers = distinct(pair(conv[unsure], user[unsure]))
    at = np.flatnonzero(is_any(records["kind"], RECEIVED_KINDS) & (records["seq"] > 0))
    reader, seq = find(readers, pair(records["conv"][at], history.user[at])), records["seq"][at]
    # The additional last entry is for all others (-1).
    lowest = np.full(readers.size + 1, NEVER, dtype=np.int64)
    highest = np.zeros(readers.size + 1, dtype=np.int64)
    np.minimum.at(lowest, reader, ints(seq))
    np.maximum.at(highest, reader, ints(seq))
    own = find(readers, pair(conv, user))
    outside: Bools = (position < lowest[own]) | (position > highest[own])
    return unsure & (outside | ~certainly_in(history, conv, user, position))


def _of_this_run(history: History, holes: list[Hole]) -> list[Hole]:
    """Return the holes without the positions that only earlier runs can have written."""
    first = first_positions(history, np.array([hole.conv for hole in holes], dtype=np.int64))
    return [
        hole._replace(first=max(hole.first, start))
        for hole, start in zip(holes, first.tolist(), strict=True)
        if hole.last >= start
    ]


def _readable(history: History, beyond: list[Hole]) -> list[Hole]:
    """Return the holes whose reader was allowed to read their first position."""
    conv = np.array([hole.conv for hole in beyond], dtype=np.int64)
    user = history.user[np.array([hole.page for hole in beyond], dtype=np.int64)]
    first = np.array([hole.first for hole in beyond], dtype=np.int64)
    excluded = history.membership.excluded(conv, user, first)
    return [hole for hole, out in zip(beyond, excluded, strict=True) if not out]


def _audit_holes(history: History) -> tuple[list[Hole], int]:
    """Return what is missing in the audit, and how many positions it contains."""
    places = history.once(_audited_places)
    same = places[1:] >> 32 == places[:-1] >> 32
    gaps = np.flatnonzero(same & (places[1:] - places[:-1] > 1))
    between = [
        Hole(int(places[at] >> 32), int(places[at] & _LOW) + 1, int(places[at + 1] & _LOW) - 1)
        for at in gaps
    ]
    return _of_this_run(history, [*between, *_audit_tails(history, places)]), places.size


def _without(hole: Hole, lost: Ints) -> Iterator[Hole]:
    """Yield the parts of a hole that hold no lost message."""
    first = hole.first
    start, end = np.searchsorted(lost, [hole.conv << 32 | hole.first, hole.conv << 32 | hole.last])
    for place in lost[start : end + 1].tolist():
        position = place & _LOW
        if place >> 32 != hole.conv or position > hole.last:
            break
        if first < position:
            yield hole._replace(first=first, last=position - 1)
        first = position + 1
    if first <= hole.last:
        yield hole._replace(first=first)


def _audit_tails(history: History, places: Ints) -> Iterator[Hole]:
    """Yield what is missing between the last position of an audit and the head reported to it."""
    records = history.records
    for head in records[equal(records["kind"], Kind.HEAD)]:
        conv = int(head["conv"])
        at = int(np.searchsorted(places, (conv + 1) << 32)) - 1
        last = int(places[at] & _LOW) if at >= 0 and int(places[at]) >> 32 == conv else 0
        if int(head["seq"]) > last:
            yield Hole(conv, last + 1, int(head["seq"]))


def _beyond_audit(history: History) -> Ints:
    """Return the places after the end of a conversation's audit that were received before it."""
    records = history.records
    convs = distinct(ints(records["conv"][equal(records["kind"], Kind.HEAD)]))
    audit = equal(records["kind"], Kind.AUDIT)
    # The additional last entry collects conversations that were not audited (-1).
    ends = np.zeros(convs.size + 1, dtype=np.int64)
    np.maximum.at(ends, find(convs, ints(records["conv"][audit])), ints(records["seq"][audit]))
    other = records["flags"] & (Flag.FOREIGN | Flag.LEFTOVER)
    received = is_any(records["kind"], RECEIVED_KINDS) & (other == 0)
    # What came later may have been committed after the audit read its conversation.
    audit_ns = history.events.phases.get("audit", 0) - history.events.clock_error_ns
    received &= records["t_ns"] < audit_ns
    # Few positions are later than the earliest end, so only these are compared with their own.
    received &= records["seq"] > int(ends[: convs.size].min(initial=_LOW))
    at = np.flatnonzero(received)
    conversation, seq = find(convs, ints(records["conv"][at])), ints(records["seq"][at])
    beyond = at[(conversation >= 0) & (seq > ends[conversation])]
    return distinct(pair(records["conv"][beyond], records["seq"][beyond]))


def _page_witness(history: History, page: int, position: int) -> Witness:
    record = history.records[page]
    user = int(history.user[page])
    # The other pages need not contain what their reader has, and this is not known to be there.
    absent = "without" if record["spare"] & PageFlag.LISTED else "but never"
    return Witness(
        f"{history.names.user(user)} requested {history.names.conv(int(record['conv']))} after "
        f"position {record['seq']} and received {_entries(record)}, {absent} position {position}.",
        messages_at(history, int(record["conv"]), position),
        user,
        (page,),
    )


def _beyond_witness(history: History, hole: Hole) -> Witness:
    record, user = history.records[hole.page], int(history.user[hole.page])
    return Witness(
        f"{history.names.user(user)} requested {history.names.conv(hole.conv)} after position "
        f"{record['seq']}, and the page claims to reach position {hole.last:,}, but no client "
        f"ever received a position after {hole.first - 1}.",
        (),
        user,
        (hole.page,),
    )


def _short_witness(history: History, page: int) -> Witness:
    record = history.records[page]
    return Witness(
        f"The audit requested {history.names.conv(int(record['conv']))} after position "
        f"{record['seq']} and received {_entries(record)}, although the page reports the head "
        f"{record['sseq']}.",
        records=(page,),
    )


def _entries(page: Any) -> str:
    return counted(int(page["peer"]), "entry", "entries")


def _hole_witness(history: History, hole: Hole) -> Witness:
    where = f"The audit of {history.names.conv(hole.conv)}"
    if hole.size == 1:
        text = f"{where} lacks position {hole.first}, which is not beyond the reported head."
    else:
        text = f"{where} lacks positions {hole.first:,} to {hole.last:,} of those up to its head."
    return Witness(
        text,
        messages_at(history, hole.conv, hole.first),
        records=_audit_ends(history, hole.conv),
    )


def _end_witness(history: History, place: int) -> Witness:
    conv, position = place >> 32, place & 0xFFFFFFFF
    return Witness(
        f"Position {position} of {history.names.conv(conv)} was presented before the audit, but "
        "the audit ends before it.",
        messages_at(history, conv, position),
        records=_audit_ends(history, conv),
    )


def _audit_ends(history: History, conv: int) -> tuple[int, ...]:
    """Return the record of the head that the audit of a conversation reached."""
    records = history.records
    heads = np.flatnonzero(equal(records["kind"], Kind.HEAD) & (records["conv"] == conv))
    return tuple(heads[:1].tolist())
