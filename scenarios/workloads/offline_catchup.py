"""One-to-one conversations whose members go offline, miss messages, and catch up."""

from typing import ClassVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.plugins import WorkloadKind
from gauntlet.scenarios.workloads.base import (
    Workload,
    departure_times_ns,
    peer_conversations,
    sample_users,
)
from gauntlet.scenarios.workloads.entities import OfflinePeriod, PlannedConversation

PEERS = 2


class OfflineCatchup(Workload):
    """`percent` of the users leave one after the other, each for `offline`."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        "offline_catchup", "one-to-one conversations whose receivers go offline and return"
    )

    def conversations(self) -> list[PlannedConversation]:
        return peer_conversations(self.scope.users, self.rng, PEERS)

    def offline_periods(self) -> list[OfflinePeriod]:
        away_ns = int(self.share.offline * NS_PER_S)
        periods = []
        for at_ns in departure_times_ns(self.scope, self.share):
            for user in sample_users(self.scope, self.share, self.rng):
                # Departures are spread over one period, so that users do not return all together.
                leaves_ns = at_ns + int(self.rng.uniform(0, away_ns))
                periods.append(OfflinePeriod(user.number, leaves_ns, leaves_ns + away_ns))
        return periods
