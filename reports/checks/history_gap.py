"""history-gap: a page of history left out a position that it had to contain.

A page asked `after` p covers p+1 up to its last entry if it is full, up to the head that it names
if not (its record says which). A position counts as returned if its receiver has it in the end, by
whatever way, because entries that he had already leave no record. Not demanded are positions that
he may not read, and what he wrote himself where the system sends nobody his own. The audit reads
all: it must have no hole between its lowest and highest position, and not end before a position
that somebody was shown before it began.
"""

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.reports.checks._own_positions import OwnPositions
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import Bools, Ints, contains, find, ints, pair

_GOT = (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM)


def check(history: History) -> Finding:
    page, position = _demanded(history)
    omitted = ~_got(history, page, position)
    holes, audited = _audit_holes(history)
    beyond = _beyond_the_audit(history)
    left_out = np.flatnonzero(omitted)
    witnesses = [
        *(
            _page_witness(history, int(page[at]), int(position[at]))
            for at in left_out[:WITNESSES_MAX]
        ),
        *(_hole_witness(history, int(hole)) for hole in holes[:WITNESSES_MAX]),
        *(_end_witness(history, int(place)) for place in beyond[:WITNESSES_MAX]),
    ][:WITNESSES_MAX]
    return Finding(
        examined=position.size + audited + beyond.size,
        what="positions that pages had to hold",
        count=left_out.size + holes.size + beyond.size,
        witnesses=tuple(witnesses),
    )


def _demanded(history: History) -> tuple[Ints, Ints]:
    """(record of the page, position) of everything that pages had to contain."""
    records = history.records
    pages = np.flatnonzero((records["kind"] == Kind.PAGE) & (records["link"] > 0))
    after, last = ints(records["seq"][pages]), ints(records["sseq"][pages])
    covered = np.maximum(last - after, 0)
    offset = np.arange(covered.sum()) - np.repeat(np.cumsum(covered) - covered, covered)
    page = np.repeat(pages, covered)
    position = np.repeat(after, covered) + 1 + offset
    place = ints(records["conv"][page]), history.user[page], position
    demanded = ~history.entitlement.excluded(*place) & ~OwnPositions(history).holds(*place)
    return page[demanded], position[demanded]


def _got(history: History, page: Ints, position: Ints) -> Bools:
    """Whether the receiver of each page has the position in the end."""
    records = history.records
    asking, asked = np.unique(pair(records["conv"][page], history.user[page]), return_inverse=True)
    at = np.flatnonzero(np.isin(records["kind"], _GOT))
    reader = find(asking, pair(records["conv"][at], history.user[at]))
    have = np.sort(pair(reader, records["seq"][at])[reader >= 0])
    return contains(have, pair(asked, position))


def _audit_holes(history: History) -> tuple[Ints, int]:
    """The places (conversation, position) missing inside the audit, and how many it covers."""
    records = history.records
    audit = records["kind"] == Kind.AUDIT
    places = np.sort(pair(records["conv"][audit], records["seq"][audit]))
    steps = np.where(places[1:] >> 32 == places[:-1] >> 32, places[1:] - places[:-1], 1)
    wide = np.flatnonzero(steps > 1)
    holes = [np.arange(places[at] + 1, places[at + 1]) for at in wide]
    found = np.concatenate([np.empty(0, dtype=np.int64), *holes])
    return found, places.size + found.size


def _beyond_the_audit(history: History) -> Ints:
    """The places behind the end of a conversation's audit that were shown before the audits."""
    records = history.records
    convs = np.unique(ints(records["conv"][records["kind"] == Kind.HEAD]))
    audit = records["kind"] == Kind.AUDIT
    ends = np.zeros(convs.size + 1, dtype=np.int64)  # the last is that of conversations not audited
    np.maximum.at(ends, find(convs, ints(records["conv"][audit])), ints(records["seq"][audit]))
    # What is shown later may have been committed after the audit read.
    shown = np.isin(records["kind"], _GOT) & (records["flags"] & Flag.FOREIGN == 0)
    shown &= records["t_ns"] < history.events.phases.get("audit", 0)
    at = np.flatnonzero(shown)
    lane, seq = find(convs, ints(records["conv"][at])), ints(records["seq"][at])
    late = at[(lane >= 0) & (seq > ends[lane])]
    return np.unique(pair(records["conv"][late], records["seq"][late]))


def _page_witness(history: History, page: int, position: int) -> Witness:
    record = history.records[page]
    user = int(history.user[page])
    return Witness(
        f"{history.names.user(user)} asked for {history.names.conv(int(record['conv']))} after "
        f"position {record['seq']} and was given {record['peer']} entries, "
        f"but never position {position}.",
        _holders(history, int(record["conv"]), position),
        user,
    )


def _hole_witness(history: History, place: int) -> Witness:
    conv, position = place >> 32, place & 0xFFFFFFFF
    return Witness(
        f"The audit of {history.names.conv(conv)} has positions before and after {position}, "
        "but not it.",
        _holders(history, conv, position),
    )


def _end_witness(history: History, place: int) -> Witness:
    conv, position = place >> 32, place & 0xFFFFFFFF
    return Witness(
        f"Position {position} of {history.names.conv(conv)} was shown; the audit ends before it.",
        _holders(history, conv, position),
    )


def _holders(history: History, conv: int, position: int) -> tuple[int, ...]:
    known = history.messages
    return tuple(np.flatnonzero((known.conv == conv) & (known.position == position)).tolist())
