"""Which users may read which positions of a conversation, derived from members and their ranges.

A conversation with RANGE records is *ranged*: a user may read the positions between joining and
leaving. In any other conversation the members may read everything.

A server may forget a change of its members. A user who was added by a stored event may therefore
read from there on, even if the server no longer names them as a member; and one who was removed by
a granted request may not read on, even if the server still names them.
"""

from collections.abc import Set as AbstractSet

import numpy as np

from gauntlet.core.history import RECORDED, Kind
from gauntlet.core.run_directory import UNKNOWN_SENDER
from gauntlet.core.scenario import leftovers
from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    Records,
    contains,
    distinct,
    equal,
    find,
    grouped,
    ints,
    pair,
)
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.times.membership_changes import (
    MembershipChanges,
    granted_removals,
    ranges_of_changes,
    ranges_of_events,
)
from gauntlet.reports.history.times.unrequested_removals import (
    unrequested_removals,
    without_unrequested_ends,
)


def may_have_other_members(scenario: Scenario, capabilities: AbstractSet[str]) -> bool:
    """Return whether a conversation may have members whom the run did not add.

    An earlier run may have added them to a conversation of the same name, and others who recorded a
    history need not name all members.
    """
    return scenario.target.adapter == RECORDED or leftovers.are_possible(scenario, capabilities)


def are_requests_known(scenario: Scenario, capabilities: AbstractSet[str], events: Events) -> bool:
    """Return whether every request to remove a member is recorded.

    Others may have members removed where there may be others. Loads of older versions recorded no
    request, and one that is cut short may not record what it was waiting for.
    """
    cut_short = bool(events.interrupted or events.error) or events.guard is not None
    records = events.reconciliations and all("removals" in row for row in events.reconciliations)
    return bool(records) and not (cut_short or may_have_other_members(scenario, capabilities))


class MembershipIntervals:
    """The intervals of positions that each user may read in each conversation.

    `changes` says at which times this was certain. A user whom only the server names as a member
    may read but need not receive where conversations `may_have_other_members`, and is not a member
    elsewhere. With `requests_are_known`, a user who was removed without a request is still a
    member. With `times_are_stated`, `changes` has all changes of each member that it knows at all.
    """

    def __init__(
        self,
        records: Records,
        names: Names,
        convs: AbstractSet[int] | None = None,
        *,
        may_have_other_members: bool = False,
        requests_are_known: bool = False,
        times_are_stated: bool = False,
    ) -> None:
        known = names.convs.keys() if convs is None else convs & names.convs.keys()
        self.changes, self._times_are_stated = MembershipChanges(records), times_are_stated
        self._members = np.array(
            sorted(
                (number << 32) | user for number in known for user in names.convs[number].members
            ),
            dtype=np.int64,
        )
        # What the audit read comes last: it has the removals whose requests were not answered.
        unrequested = unrequested_removals(records) if requests_are_known else None
        of_audit = records[equal(records["kind"], Kind.RANGE)]
        if unrequested is not None:
            of_audit = without_unrequested_ends(of_audit, unrequested)
        stated = np.concatenate([ranges_of_changes(records), of_audit])
        of_events = ranges_of_events(records, unrequested)
        of_events = of_events[np.isin(of_events["conv"], stated["conv"])]
        ranges = _sorted(np.concatenate([of_events, stated]))
        ranges["sseq"] = _closed(ranges, granted_removals(records))
        self._ranged = distinct(ints(ranges["conv"]))
        # A server may also name users who were never members: `access` reports that.
        known_convs = np.array(sorted(known), dtype=np.int64)
        named = pair(ranges["conv"], ranges["peer"])
        other = ~contains(self._members, named) & contains(known_convs, named >> 32)
        self._others = distinct(named[other])
        if not may_have_other_members:
            ranges = ranges[~other]
        self._owners, owner = np.unique(pair(ranges["conv"], ranges["peer"]), return_inverse=True)
        # Sorted keys (conversation, user) of all who are or were a member.
        self.participants = np.union1d(self._members, self._owners)
        self._firsts = pair(owner, ranges["seq"])  # sorted, as the ranges are
        self._lasts = ints(ranges["sseq"])

    def entitled(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        """Return which users are known to be allowed to read; deliveries to them are expected.

        Where the position is unknown (0), a user with any range in the conversation is entitled.
        One of whom only times are known is, too: `changes` says what was sent in these.
        """
        ranged, member = contains(self._ranged, conv), pair(conv, user)
        in_range = self._in_range(conv, user, position)
        in_range |= (position == 0) & contains(self._owners, member)
        in_range &= ~contains(self._others, member)
        in_range |= self.timed(conv, user)
        return np.where(ranged, in_range, contains(self._members, member))

    def excluded(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        """Return which users were certainly not allowed to read.

        A member whose range never became known is neither entitled nor excluded, and neither is
        one with a range where the position is unknown (0).
        """
        member = pair(conv, user)
        not_member, has_range = ~contains(self._members, member), contains(self._owners, member)
        outside = has_range & ~self._in_range(conv, user, position)
        excluded: Bools = (outside & (position > 0)) | (not_member & ~has_range)
        return excluded

    def unsure(self, conv: Ints, user: Ints) -> Bools:
        """Return which members have no known range, although other members of theirs have one.

        In a history that others recorded, the range of the unknown sender stands for such a member.
        """
        others = contains(self._members, self._owners)
        others |= self._owners & 0xFFFFFFFF == UNKNOWN_SENDER
        ranged = distinct(self._owners[others] >> 32)
        member = pair(conv, user)
        found: Bools = contains(self._members, member) & ~contains(self._owners, member)
        return found & contains(ranged, conv)

    def timed(self, conv: Ints, user: Ints) -> Bools:
        """Return of which members all times at which they joined and left are known, but no range.

        Only others who recorded a history state such times.
        """
        if not self._times_are_stated:
            return np.zeros(conv.shape, dtype=np.bool_)
        return self.unsure(conv, user) & self.changes.are_known(conv, user)

    def range_begins(self, conv: Ints, user: Ints, position: Ints) -> Ints:
        """Return where the last range of each user begins that begins at `position` or before.

        It is 0 for users without such a range.
        """
        if self._firsts.size == 0:
            return np.zeros(conv.shape, dtype=np.int64)
        index, found = self._last_range(conv, user, position)
        begins: Ints = np.where(found, self._firsts[index] & 0xFFFFFFFF, 0)
        return begins

    def _in_range(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        if self._firsts.size == 0:
            return np.zeros(conv.shape, dtype=np.bool_)
        index, found = self._last_range(conv, user, position)
        last = self._lasts[index]  # 0: the user has not left
        inside: Bools = found & ((last == 0) | (position <= last))
        return inside

    def _last_range(self, conv: Ints, user: Ints, position: Ints) -> tuple[Ints, Bools]:
        """Return the index of the last range that begins at `position` or before, and whether any.

        There must be ranges. The index of a user without such a range means nothing.
        """
        owner = find(self._owners, pair(conv, user))
        index = np.searchsorted(self._firsts, pair(owner, position), side="right") - 1
        found: Bools = (index >= 0) & (owner >= 0) & (self._firsts[index] >> 32 == owner)
        return index, found


def _sorted(ranges: Records) -> Records:
    """Return ranges by conversation, user and first position; of equal ones, the last one counts.

    lexsort is stable, so that those with the same three stay in the order of their times.
    """
    return ranges[np.lexsort((ranges["seq"], ranges["peer"], ranges["conv"]))]


def _closed(ranges: Records, removals: Records) -> Ints:
    """Return the last position of each range, which is that of a removal inside it, if any."""
    last = ints(ranges["sseq"])
    # Members are numbered, because conversation, user and position do not fit into one key.
    members, _, number = grouped(
        np.concatenate([pair(each["conv"], each["peer"]) for each in (ranges, removals)])
    )
    at_range, at_removal = number[: ranges.size], number[ranges.size :]
    removed = np.sort(pair(at_removal, removals["seq"]))
    # The first removal at the begin of each range or later; the last entry is for none.
    first = np.searchsorted(removed, pair(at_range, ranges["seq"]))
    position = np.append(removed, members.size << 32)[first]
    inside = (position >> 32 == at_range) & ((last == 0) | (last > position & 0xFFFFFFFF))
    return np.where(inside, position & 0xFFFFFFFF, last)
