"""The events of rooms, one for each position, and when anyone was first shown it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    Records,
    equal,
    has_flag,
    ints,
    is_any,
    pair,
)

# Not the acknowledgement, which may state a wrong position.
_WITH_CONTENT = (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.AUDIT)
Key = tuple[int, int]  # conversation and user


class RoomEntry(NamedTuple):
    """An event of a member: its position, its RoomEvent, and when anyone was first shown it.

    `record` is the index of the record that stores it; if none does, of the first that showed it.
    """

    position: int
    event: int
    seen_ns: int
    record: int


@dataclass(frozen=True)
class RoomEvents:
    """The events of every room, and which positions of a room are known to have any content.

    The positions are computed for the rooms of which they are asked, because few are.
    """

    by_member: dict[Key, list[RoomEntry]]
    _records: Records
    _known: dict[int, Ints]

    def complete(self, conv: int, after: int, until: int) -> bool:
        """Return whether the content of each position after `after` up to `until` is known."""
        return bool(self.gapless(conv, np.array([after]), np.array([until]))[0])

    def gapless(self, conv: int, after: Ints, until: Ints) -> Bools:
        """Return the same as `complete` for several intervals of positions."""
        if conv not in self._known:
            own = self._records[self._records["conv"] == conv]
            shown = is_any(own["kind"], _WITH_CONTENT) & (own["seq"] > 0)
            self._known[conv] = np.unique(ints(own["seq"][shown]))
        known = self._known[conv]
        found = np.searchsorted(known, until, side="right")
        found = found - np.searchsorted(known, after, side="right")
        gapless: Bools = found == until - after
        return gapless


def collect_room_events(records: Records) -> RoomEvents:
    """Return the events in these records, those of each member in the order of their positions."""
    kinds = records["kind"]
    flagged = is_any(kinds, (Kind.RECEIVE, Kind.AUDIT))
    flagged &= has_flag(records["flags"], Flag.ROOM_EVENT)
    at = np.flatnonzero((equal(kinds, Kind.ROOM) | flagged) & (records["seq"] > 0))
    place = pair(records["conv"][at], records["seq"][at])
    order = np.lexsort((records["t_ns"][at], kinds[at] != Kind.AUDIT, place))
    at, place = at[order], place[order]
    first = np.flatnonzero(np.append(True, place[1:] != place[:-1])[: place.size])
    # Storage says what happened; a push may show it wrongly, which is the concern of checks.
    seen_ns = np.minimum.reduceat(records["t_ns"][at], first) if at.size else first
    by_member: dict[Key, list[RoomEntry]] = defaultdict(list)
    for index, t_ns in zip(at[first].tolist(), seen_ns.tolist(), strict=True):
        row = records[index]
        entry = RoomEntry(int(row["seq"]), int(row["sseq"]), t_ns, index)
        by_member[int(row["conv"]), int(row["peer"])].append(entry)
    return RoomEvents(dict(by_member), records, {})
