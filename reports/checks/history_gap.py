"""history-gap: a page of history, or the audit, left out a position that it had to contain.

A page requested `after` p covers the positions from p+1 up to its last entry if it is full, or else
up to the head that it reports (the record of the page has this last position). A position counts as
returned if the receiver has it at the end, in whatever way, because entries that the client had
already leave no record. A page need not contain positions that its reader must not read, nor the
reader's own messages where the system sends users none of their own.

The audit reads everything: it must have no hole between its lowest and highest position, and must
not end before a position that some client received before the audit began.
"""

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HISTORY, SERVER_SEQ
from gauntlet.reports.checks._shared import OwnPositions
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import Bools, Ints, contains, find, ints, pair
from gauntlet.reports.history.history import History

_RECEIVED_KINDS = (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM)

KIND = CheckKind(
    "history-gap",
    "the history omitted a position inside its range, or one that was delivered before",
    aspect="re-sync",
    needs=(SERVER_SEQ, HISTORY),
)


def check(history: History) -> Finding:
    page, position = _required_positions(history)
    omitted = np.flatnonzero(~_received(history, page, position))
    holes, audited = _audit_holes(history)
    beyond = _beyond_audit(history)
    witnesses = [
        *(
            _page_witness(history, int(page[at]), int(position[at]))
            for at in omitted[:WITNESSES_MAX]
        ),
        *(_hole_witness(history, int(place)) for place in holes[:WITNESSES_MAX]),
        *(_end_witness(history, int(place)) for place in beyond[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=position.size + audited + beyond.size,
        subject="positions that pages had to contain",
        statement="{count} of {examined} {subject} {are} missing.",
        count=omitted.size + holes.size + beyond.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
    )


def _required_positions(history: History) -> tuple[Ints, Ints]:
    """Return (record of the page, position) of everything that pages had to contain."""
    records = history.records
    pages = np.flatnonzero((records["kind"] == Kind.PAGE) & (records["link"] > 0))
    after, last = ints(records["seq"][pages]), ints(records["sseq"][pages])
    covered = np.maximum(last - after, 0)
    offset = np.arange(covered.sum()) - np.repeat(np.cumsum(covered) - covered, covered)
    page = np.repeat(pages, covered)
    position = np.repeat(after, covered) + 1 + offset
    place = ints(records["conv"][page]), history.user[page], position
    required = ~history.membership.excluded(*place) & ~OwnPositions(history).contain(*place)
    return page[required], position[required]


def _received(history: History, page: Ints, position: Ints) -> Bools:
    """Return whether the receiver of each page has the position at the end."""
    records = history.records
    readers, reader = np.unique(
        pair(records["conv"][page], history.user[page]), return_inverse=True
    )
    at = np.flatnonzero(np.isin(records["kind"], _RECEIVED_KINDS))
    receiver = find(readers, pair(records["conv"][at], history.user[at]))
    received = np.sort(pair(receiver, records["seq"][at])[receiver >= 0])
    return contains(received, pair(reader, position))


def _audit_holes(history: History) -> tuple[Ints, int]:
    """Return the places (conversation, position) missing in the audit, and how many it covers."""
    records = history.records
    audit = records["kind"] == Kind.AUDIT
    places = np.sort(pair(records["conv"][audit], records["seq"][audit]))
    steps = np.where(places[1:] >> 32 == places[:-1] >> 32, places[1:] - places[:-1], 1)
    holes = [np.arange(places[at] + 1, places[at + 1]) for at in np.flatnonzero(steps > 1)]
    missing = np.concatenate([np.empty(0, dtype=np.int64), *holes])
    return missing, places.size + missing.size


def _beyond_audit(history: History) -> Ints:
    """Return the places after the end of a conversation's audit that were received before it."""
    records = history.records
    convs = np.unique(ints(records["conv"][records["kind"] == Kind.HEAD]))
    audit = records["kind"] == Kind.AUDIT
    # The additional last entry collects conversations that were not audited (-1).
    ends = np.zeros(convs.size + 1, dtype=np.int64)
    np.maximum.at(ends, find(convs, ints(records["conv"][audit])), ints(records["seq"][audit]))
    received = np.isin(records["kind"], _RECEIVED_KINDS) & (records["flags"] & Flag.FOREIGN == 0)
    # What came later may have been committed after the audit read its conversation.
    received &= records["t_ns"] < history.events.phases.get("audit", 0)
    at = np.flatnonzero(received)
    conversation, seq = find(convs, ints(records["conv"][at])), ints(records["seq"][at])
    beyond = at[(conversation >= 0) & (seq > ends[conversation])]
    return np.unique(pair(records["conv"][beyond], records["seq"][beyond]))


def _page_witness(history: History, page: int, position: int) -> Witness:
    record = history.records[page]
    user = int(history.user[page])
    return Witness(
        f"{history.names.user(user)} requested {history.names.conv(int(record['conv']))} after "
        f"position {record['seq']} and received {record['peer']} entries, but never position "
        f"{position}.",
        _messages_at(history, int(record["conv"]), position),
        user,
    )


def _hole_witness(history: History, place: int) -> Witness:
    conv, position = place >> 32, place & 0xFFFFFFFF
    return Witness(
        f"The audit of {history.names.conv(conv)} has positions before and after {position}, "
        f"but not position {position} itself.",
        _messages_at(history, conv, position),
    )


def _end_witness(history: History, place: int) -> Witness:
    conv, position = place >> 32, place & 0xFFFFFFFF
    return Witness(
        f"Position {position} of {history.names.conv(conv)} was presented before the audit, but "
        "the audit ends before it.",
        _messages_at(history, conv, position),
    )


def _messages_at(history: History, conv: int, position: int) -> tuple[int, ...]:
    messages = history.messages
    return tuple(np.flatnonzero((messages.conv == conv) & (messages.position == position)).tolist())
