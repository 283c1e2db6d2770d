"""What a conversation was known to contain at a given time: for checks that compare reads."""

from functools import cached_property

import numpy as np

from gauntlet.core.history import Kind, PageFlag
from gauntlet.reports.checks._ack_positions import misplaced_acks, unsent_acks
from gauntlet.reports.checks._shared import named_by
from gauntlet.reports.history.arrays import (
    NEVER,
    Ints,
    Records,
    equal,
    find,
    grouped,
    ints,
    is_any,
    pair,
    stable_order,
)
from gauntlet.reports.history.history import History

_SHOWN_KINDS = (Kind.ACK, Kind.DELIVER, Kind.RECEIVE, Kind.ROOM)


def last_pages(records: Records) -> Ints:
    """Return the records of the pages that reached the head that they report."""
    return np.flatnonzero(
        equal(records["kind"], Kind.PAGE) & (records["spare"] & PageFlag.LAST != 0)
    )


class KnownPositions:
    """The highest position of each conversation that clients knew at each time.

    A client knows a position when it was acknowledged or received, and when a page of history, or
    the server at connect, reported it as the head. A head beyond everything that any record
    contains is a wrong claim, which `history-gap` reports, and counts as nothing. So does the
    position of an acknowledgement that `ack-content` reports. A list of heads alone makes nothing
    known: no entry was read, and pages that are right would seem to know less than a wrong list.
    """

    def __init__(self, history: History) -> None:
        records = history.records
        kind = records["kind"]
        shown = is_any(kind, (*_SHOWN_KINDS, Kind.AUDIT)) & (records["seq"] > 0)
        if named_by(history, "ack-content"):
            shown[misplaced_acks(history)] = False
            shown[unsent_acks(history)] = False
        at = np.flatnonzero(shown)
        self._convs, _, conv = grouped(ints(records["conv"][at]))
        # The additional last entry is for conversations without such a record (-1).
        self._last = np.zeros(self._convs.size + 1, dtype=np.int64)
        np.maximum.at(self._last, conv, ints(records["seq"][at]))

        self._history = history
        self._shown = np.flatnonzero(shown & ~equal(kind, Kind.AUDIT))

    @cached_property
    def _learned(self) -> tuple[Ints, Ints, Ints]:
        """The conversation, the time and the highest position of all that was learned until then.

        Sorted by conversation and time. Only histories with pages need it.
        """
        records, known = self._history.records, self._shown
        heads = last_pages(records)
        heads = heads[records["spare"][heads] & PageFlag.HEADS == 0]
        heads = heads[ints(records["sseq"][heads]) <= self.last(ints(records["conv"][heads]))]
        starts = np.flatnonzero(equal(records["kind"], Kind.START))
        starts = starts[ints(records["seq"][starts]) <= self.last(ints(records["conv"][starts]))]
        learned = np.concatenate([known, heads, starts])
        position = ints(
            np.concatenate([records["seq"][known], records["sseq"][heads], records["seq"][starts]])
        )
        conv = find(self._convs, ints(records["conv"][learned]))
        order = stable_order(conv, records["t_ns"][learned])
        # Keys of later conversations are larger, so one running maximum serves all of them.
        highest = np.maximum.accumulate(pair(conv[order], position[order])) & 0xFFFFFFFF
        return conv[order], ints(records["t_ns"][learned])[order], highest

    def last(self, conv: Ints) -> Ints:
        """Return the last position of each conversation that any record contains, 0 if none."""
        return self._last[find(self._convs, conv)]

    def since_ns(self, places: Ints) -> Ints:
        """Return when each place of these sorted ones was first known, NEVER if it was not."""
        records, since_ns = self._history.records, np.full(places.size + 1, NEVER, dtype=np.int64)
        place = pair(records["conv"][self._shown], records["seq"][self._shown])
        # The additional last entry is for all other places (-1).
        np.minimum.at(since_ns, find(places, place), ints(records["t_ns"][self._shown]))
        return since_ns[:-1]

    def before(self, conv: Ints, t_ns: Ints) -> Ints:
        """Return the highest position that was known in each conversation before each time."""
        if conv.size == 0 or self._learned[0].size == 0:
            return np.zeros(conv.size, dtype=np.int64)
        learned_conv, learned_ns, highest = self._learned
        conv = find(self._convs, conv)
        asked = np.arange(conv.size + learned_conv.size) < conv.size
        convs = np.concatenate([conv, learned_conv])
        times = np.concatenate([t_ns, learned_ns])
        # At the same time, the question comes first: what is learned then was not known before.
        order = stable_order(convs, times, ~asked)
        learned = np.where(asked[order], -1, order - conv.size)
        latest = np.empty_like(order)
        latest[order] = np.maximum.accumulate(np.where(learned >= 0, np.arange(order.size), -1))
        source = latest[: conv.size]
        at = np.where(source >= 0, learned[np.maximum(source, 0)], 0)
        same = (source >= 0) & (conv >= 0) & (learned_conv[at] == conv)
        return np.where(same, highest[at], 0)
