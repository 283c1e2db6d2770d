"""Rooms in which some members stop reading their sockets while the others keep sending."""

from typing import ClassVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.plugins import WorkloadKind
from gauntlet.core.scenario.capabilities import ROOMS
from gauntlet.scenarios.workloads.base import departure_times_ns, sample_users
from gauntlet.scenarios.workloads.entities import OfflinePeriod
from gauntlet.scenarios.workloads.group import Group


class SlowConsumer(Group):
    """`percent` of the users read nothing for `offline`, all at the same time, and then resume."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        "slow_consumer",
        "rooms in which some members stop reading their sockets for a while",
        needs=(ROOMS,),
        sized=True,
    )
    prefix = "r.slow-w"

    def offline_periods(self) -> list[OfflinePeriod]:
        stall_ns = int(self.share.offline * NS_PER_S)
        return [
            OfflinePeriod(user.number, at_ns, at_ns + stall_ns, stalls=True)
            for at_ns in departure_times_ns(self.scope, self.share)
            for user in sample_users(self.scope, self.share, self.rng)
        ]
