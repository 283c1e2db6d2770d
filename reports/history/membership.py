"""Who may read which positions: whole conversations, or the ranges between joining and leaving."""

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.records import Bools, Ints, Records, contains, find, ints, pair


class Entitlement:
    """A conversation with RANGE records is *ranged*; of any other its members may read all."""

    def __init__(self, records: Records, names: Names) -> None:
        self._members = np.array(
            sorted(
                (conv << 32) | user for conv, known in names.convs.items() for user in known.members
            ),
            dtype=np.int64,
        )
        ranges = _latest(records[records["kind"] == Kind.RANGE])
        self._ranged = np.unique(ints(ranges["conv"]))
        owners = pair(ranges["conv"], ranges["peer"])
        self._owners, owner = np.unique(owners, return_inverse=True)
        self.participants = np.union1d(self._members, self._owners)  # (conversation, user) keys
        self._firsts = pair(owner, ranges["seq"])  # sorted, because `_latest` sorts
        self._lasts = ints(ranges["sseq"])

    def entitled(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        """Who may read, as far as is known: a delivery can be expected of these.

        Where the position is not known (0), whoever has a range in the conversation.
        """
        ranged = contains(self._ranged, conv)
        return np.where(
            ranged,
            self._in_range(conv, user, position)
            | ((position == 0) & contains(self._owners, pair(conv, user))),
            contains(self._members, pair(conv, user)),
        )

    def excluded(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        """Who certainly may not read; a member whose range was never learnt is in neither."""
        stranger = ~contains(self._members, pair(conv, user))
        has_range = contains(self._owners, pair(conv, user))
        outside = has_range & ~self._in_range(conv, user, position)
        found: Bools = (position > 0) & (outside | (stranger & ~has_range))
        return found

    def _in_range(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        if self._firsts.size == 0:
            return np.zeros(conv.shape, dtype=np.bool_)
        owner = find(self._owners, pair(conv, user))
        at = np.searchsorted(self._firsts, pair(owner, position), side="right") - 1
        same = (at >= 0) & (owner >= 0) & (self._firsts[at] >> 32 == owner)
        last = self._lasts[at]
        found: Bools = same & (position > 0) & ((last == 0) | (position <= last))
        return found


def _latest(ranges: Records) -> Records:
    """The last word on each (conversation, user, first position), sorted by these."""
    order = np.lexsort((ranges["seq"], ranges["peer"], ranges["conv"]))  # stable: time is kept
    ranges = ranges[order]
    keys = ranges[["conv", "peer", "seq"]]
    last: Bools = np.append(keys[1:] != keys[:-1], True)[: ranges.size]
    return ranges[last]
