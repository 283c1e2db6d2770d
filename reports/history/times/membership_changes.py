"""When users were certainly members of their rooms: what the requests to change that show.

Between the request to remove a user and the answer to the request that adds them again, a message
may or may not reach the user. A request that was not answered may take effect at any later time, so
nothing is certain after it. A message that is acknowledged just before a removal is still on its
way to the user, who cannot read it any more if the push comes too late.
"""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import Flag, Kind, ProbeResult, RoomEvent
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    contains,
    equal,
    find,
    has_flag,
    is_any,
    pair,
)

PUSH_NS = NS_PER_S  # a connected user has received a message this long after its acknowledgement


class MembershipChanges:
    """The changes of all members, by conversation and user."""

    def __init__(self, records: Records) -> None:
        changes = records[equal(records["kind"], Kind.MEMBERSHIP)]
        rows = np.sort(changes, order=("ref_ns", "t_ns"))
        doubts: dict[int, list[list[int]]] = defaultdict(list)
        lost: set[int] = set()  # an answer is missing, so that the state stays unknown
        for row in rows:
            key = int(pair(row["conv"], row["peer"]))
            known = row["spare"] == ProbeResult.GRANTED
            if key in lost:
                continue
            open_doubt = bool(doubts[key]) and doubts[key][-1][1] == NEVER
            if row["sseq"] == RoomEvent.REMOVED and not open_doubt:
                doubts[key].append([int(row["ref_ns"]), NEVER])
            elif row["sseq"] == RoomEvent.ADDED and known and open_doubt:
                doubts[key][-1][1] = int(row["t_ns"])
            if not known and doubts[key]:
                lost.add(key)
        self._stays, self._absences = _possible_stays(rows), _certain_absences(rows)
        found = {key: spans for key, spans in doubts.items() if spans}
        self._keys = np.array(sorted(found), dtype=np.int64)
        self._begins = [np.array([span[0] for span in found[key]]) for key in sorted(found)]
        self._ends = [np.array([span[1] for span in found[key]]) for key in sorted(found)]

    def certain(self, conv: Ints, user: Ints, from_ns: Ints, until_ns: Ints) -> Bools:
        """Return who was certainly a member all the time, and still when a push had come."""
        certain = np.ones(conv.shape, dtype=np.bool_)
        owner = find(self._keys, pair(conv, user))
        latest_ns = np.minimum(until_ns, NEVER - PUSH_NS) + PUSH_NS
        for key in np.unique(owner[owner >= 0]):
            at = np.flatnonzero(owner == key)
            begins, ends = self._begins[key], self._ends[key]
            # The first doubt that ends after the beginning must begin after the end.
            next_doubt = np.searchsorted(ends, from_ns[at], side="right")
            begin = np.append(begins, NEVER)[next_doubt]
            certain[at] = begin >= latest_ns[at]
        return certain

    def member_since_ns(self, conv: Ints, user: Ints, until_ns: Ints) -> Ints:
        """Return since when each user was certainly a member until a time, NEVER if they were not.

        It is 0 for those of whom no removal is known.
        """
        since_ns = np.zeros(conv.shape, dtype=np.int64)
        owner = find(self._keys, pair(conv, user))
        order = np.argsort(owner, kind="stable")
        edges = np.searchsorted(owner[order], np.arange(self._keys.size + 1))
        for key, (first, end) in enumerate(pairwise(edges.tolist())):
            at = order[first:end]
            begun = np.searchsorted(self._begins[key], until_ns[at])
            since_ns[at] = np.append(0, self._ends[key])[begun]
        return np.where(since_ns < until_ns, since_ns, NEVER)

    def are_known(self, conv: Ints, user: Ints) -> Bools:
        """Return of which users a removal is known, so that `certain` says more than nothing."""
        return contains(self._keys, pair(conv, user))

    def certainly_out(self, conv: Ints, user: Ints, from_ns: Ints, until_ns: Ints) -> Bools:
        """Return who was certainly no member all the time, because of answered requests."""
        out = np.zeros(conv.shape, dtype=np.bool_)
        owner = find(self._keys, pair(conv, user))
        for key in np.unique(owner[owner >= 0]):
            at = np.flatnonzero(owner == key)
            for begin_ns, end_ns in self._absences.get(int(self._keys[key]), ()):
                out[at] |= (begin_ns <= from_ns[at]) & (until_ns[at] <= end_ns)
        return out

    def may_be_member(self, conv: Ints, user: Ints, from_ns: Ints, until_ns: Ints) -> Bools:
        """Return who may have been a member at some time between, because of a request.

        Of users whom no request concerns, nothing is known.
        """
        possible = np.zeros(conv.shape, dtype=np.bool_)
        keys = pair(conv, user)
        for key in np.unique(keys).tolist():
            at = np.flatnonzero(keys == key)
            for begin_ns, end_ns in self._stays.get(key, ()):
                possible[at] |= (begin_ns < until_ns[at]) & (end_ns > from_ns[at])
        return possible

    def next_removal_ns(self, conv: Ints, user: Ints, after_ns: Ints) -> Ints:
        """Return when the removal of each user was requested next, NEVER if it was not."""
        removal_ns = np.full(conv.shape, NEVER, dtype=np.int64)
        owner = find(self._keys, pair(conv, user))
        for key in np.unique(owner[owner >= 0]):
            at = np.flatnonzero(owner == key)
            index = np.searchsorted(self._begins[key], after_ns[at], side="left")
            removal_ns[at] = np.append(self._begins[key], NEVER)[index]
        return removal_ns


def _possible_stays(rows: Records) -> dict[int, list[tuple[int, int]]]:
    """Return when each user may have been a member, by keys of conversation and user.

    That is from the request to add them until the answer to a request to remove them. A user who is
    removed first was a member before.
    """
    stays: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        known = stays.setdefault(int(pair(row["conv"], row["peer"])), [])
        if row["sseq"] == RoomEvent.ADDED and row["spare"] != ProbeResult.REFUSED:
            if not known or known[-1][1] != NEVER:
                known.append((int(row["ref_ns"]), NEVER))
        elif row["sseq"] == RoomEvent.REMOVED:
            if not known:
                known.append((-NEVER, NEVER))
            if row["spare"] == ProbeResult.GRANTED and known[-1][1] == NEVER:
                known[-1] = known[-1][0], int(row["t_ns"])
    return stays


def _certain_absences(rows: Records) -> dict[int, list[tuple[int, int]]]:
    """Return when each user was certainly no member, by keys of conversation and user.

    That is from the answer to a request to remove them until they were requested to be added again.
    """
    absences: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        known = absences.setdefault(int(pair(row["conv"], row["peer"])), [])
        if row["sseq"] == RoomEvent.REMOVED and row["spare"] == ProbeResult.GRANTED:
            known.append((int(row["t_ns"]), NEVER))
        elif row["sseq"] == RoomEvent.ADDED and row["spare"] != ProbeResult.REFUSED and known:
            known[-1] = known[-1][0], min(known[-1][1], int(row["ref_ns"]))
    return absences


def granted_removals(records: Records) -> Records:
    """Return the removals that were granted, of which the position is known."""
    removals = records[equal(records["kind"], Kind.MEMBERSHIP)]
    granted = (removals["spare"] == ProbeResult.GRANTED) & (removals["sseq"] == RoomEvent.REMOVED)
    known: Records = removals[granted & (removals["seq"] > 0)]
    return known


def ranges_of_events(records: Records, unrequested: Ints | None = None) -> Records:
    """Return the ranges of positions that the stored events of members show, as RANGE records.

    A removal at one of the places `unrequested` ends no range.
    """
    events = records[
        equal(records["kind"], Kind.AUDIT) & has_flag(records["flags"], Flag.ROOM_EVENT)
    ]
    changes = is_any(events["sseq"], (RoomEvent.ADDED, RoomEvent.REMOVED)) & (events["peer"] > 0)
    if unrequested is not None:
        ends = contains(unrequested, pair(events["conv"], events["seq"]))
        changes &= ~(ends & equal(events["sseq"], RoomEvent.REMOVED))
    return _ranges(np.sort(events[changes & (events["seq"] > 0)], order="seq"))


def ranges_of_changes(records: Records) -> Records:
    """Return the ranges of positions that answered changes prove, as RANGE records.

    They are known even if the audit could not read them.
    """
    granted = equal(records["kind"], Kind.MEMBERSHIP)
    granted &= equal(records["spare"], ProbeResult.GRANTED)
    return _ranges(np.sort(records[granted & (records["seq"] > 0)], order=("t_ns", "seq")))


def _ranges(changes: Records) -> Records:
    """Return the ranges that changes of members begin and end, which are in their order."""
    ranges, first = [], {}
    for row in changes:
        key, position = (int(row["conv"]), int(row["peer"])), int(row["seq"])
        if row["sseq"] == RoomEvent.ADDED:
            first[key], last = position, 0
        elif key in first and position >= first[key]:
            last = position
        else:
            continue
        known = row.copy()
        known["kind"], known["seq"], known["sseq"] = Kind.RANGE, first[key], last
        ranges.append(known)
    return np.array(ranges, dtype=changes.dtype)
