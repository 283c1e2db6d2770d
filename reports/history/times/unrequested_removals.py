"""Removals of members that no recorded request explains, as far as all requests are known.

Each request explains one removal: that of the position which its answer names, or else the first
one that was seen after it. A request without an answer may take effect at any later time.
"""

from collections import defaultdict

import numpy as np

from gauntlet.core.history import Flag, Kind, ProbeResult, RoomEvent
from gauntlet.reports.history.arrays import (
    NEVER,
    Ints,
    Records,
    contains,
    distinct,
    equal,
    find,
    has_flag,
    ints,
    is_any,
    pair,
)

Removal = tuple[int, int, int]  # conversation, user and position


def unrequested_removals(records: Records) -> Ints:
    """Return the sorted keys (conversation, position) of the removals that nothing explains.

    Removals are known by the stored events, and by the ends of the ranges that the audit recorded.
    """
    removals = _removals(records)
    if not removals.size:
        return np.empty(0, dtype=np.int64)
    removals = removals[np.lexsort((removals["seq"], removals["peer"], removals["conv"]))]
    keys = removals[["conv", "peer", "seq"]]
    removals = removals[np.append(True, keys[1:] != keys[:-1])]
    seen_ns = _seen_ns(records, removals)
    known = [(int(row["conv"]), int(row["peer"]), int(row["seq"])) for row in removals]
    granted, asked_ns = _requests(records, set(known))
    found = []
    for removal, first_ns in zip(known, seen_ns.tolist(), strict=True):
        if removal in granted:
            continue
        causes_ns = asked_ns[removal[:2]]
        if causes_ns and causes_ns[0] <= first_ns:
            del causes_ns[0]
        else:
            found.append(removal[0] << 32 | removal[2])
    return distinct(np.array(found, dtype=np.int64))


def _removals(records: Records) -> Records:
    """Return one record at least for each removal, with its position in `seq`."""
    events = equal(records["kind"], Kind.AUDIT) & has_flag(records["flags"], Flag.ROOM_EVENT)
    events &= equal(records["sseq"], RoomEvent.REMOVED) & (records["seq"] > 0)
    ends = records[equal(records["kind"], Kind.RANGE) & (records["sseq"] > 0)].copy()
    ends["seq"] = ends["sseq"]
    found: Records = np.concatenate([records[events], ends])
    return found[found["peer"] > 0]


def _seen_ns(records: Records, removals: Records) -> Ints:
    """Return when each removal was first seen by anyone."""
    places = distinct(pair(removals["conv"], removals["seq"]))
    shown = is_any(records["kind"], (Kind.ROOM, Kind.ARRIVED)) | has_flag(
        records["flags"], Flag.ROOM_EVENT
    )
    at = np.flatnonzero(shown & equal(records["sseq"], RoomEvent.REMOVED))
    first_ns = np.full(places.size + 1, NEVER, dtype=np.int64)
    # The additional last entry is for all other places (-1).
    which = find(places, pair(records["conv"][at], records["seq"][at]))
    np.minimum.at(first_ns, which, ints(records["t_ns"][at]))
    own = find(places, pair(removals["conv"], removals["seq"]))
    return np.minimum(first_ns[own], ints(removals["t_ns"]))


def _requests(
    records: Records, known: set[Removal]
) -> tuple[set[Removal], dict[tuple[int, int], list[int]]]:
    """Return the known removals that answers name, and when others were requested, by member."""
    rows = records[equal(records["kind"], Kind.MEMBERSHIP)]
    rows = np.sort(rows[equal(rows["sseq"], RoomEvent.REMOVED)], order="ref_ns")
    granted: set[Removal] = set()
    asked_ns: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in rows:
        removal = int(row["conv"]), int(row["peer"]), int(row["seq"])
        if row["spare"] == ProbeResult.GRANTED and removal in known:
            granted.add(removal)
        else:
            asked_ns[removal[:2]].append(int(row["ref_ns"]))
    return granted, asked_ns


def without_unrequested_ends(ranges: Records, unrequested: Ints) -> Records:
    """Return ranges, of which those that unrequested removals end have no end."""
    ended = contains(unrequested, pair(ranges["conv"], ranges["sseq"]))
    opened = ranges.copy()
    opened["sseq"][ended] = 0
    return opened
