"""Rooms whose members are removed and added again while the others talk."""

from typing import ClassVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.plugins import WorkloadKind
from gauntlet.core.scenario.capabilities import MEMBER_CHANGES, ROOMS, SERVER_SEQ
from gauntlet.core.scenario.model import REMOVALS_PER_S
from gauntlet.scenarios.workloads.entities import RoomRemoval
from gauntlet.scenarios.workloads.group import Group

# Between two changes of one member, so that the first has been answered and messages follow it.
APART_NS = 3 * NS_PER_S


class MemberChanges(Group):
    """The creator of a room removes its members and adds them again; the creator always stays.

    The removals of a member are a Poisson process over the time that they are a member. All members
    are added again before the end of the load.
    """

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        "member_changes",
        "rooms whose members are removed and added again",
        needs=(ROOMS, SERVER_SEQ, MEMBER_CHANGES),
        sized=True,
    )
    prefix: ClassVar[str] = "r.m"

    def room_removals(self) -> list[RoomRemoval]:
        away_ns = max(int(self.share.offline * NS_PER_S), APART_NS)
        first_ns = self.scope.ramp_ns
        last_ns = first_ns + self.scope.steady_ns - away_ns - APART_NS
        removals_per_s = self.share.removals or REMOVALS_PER_S
        removals = []
        for room in self._rooms:
            for user in room.members[1:]:
                at_ns = first_ns
                while (at_ns := at_ns + self._gap_ns(removals_per_s)) < last_ns:
                    removals.append(RoomRemoval(user, room.name, at_ns, at_ns + away_ns))
                    at_ns += away_ns + APART_NS
        return removals
