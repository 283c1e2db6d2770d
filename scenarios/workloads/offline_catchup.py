"""One-to-one conversations whose receivers go offline, miss messages, and catch up."""

from typing import ClassVar

from gauntlet.core.plugins import WorkloadKind
from gauntlet.scenarios.workloads.base import Workload, departure_times_ns, pairs, sample_users
from gauntlet.scenarios.workloads.entities import OfflinePeriod, PlannedConversation

PEERS = 2


class OfflineCatchup(Workload):
    """`percent` of the users leave one after the other and stay away for `offline` each."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        "offline_catchup", "one-to-one conversations whose receivers go offline and return"
    )

    def conversations(self) -> list[PlannedConversation]:
        return pairs(self.scope.users, self.rng, PEERS)

    def offline_periods(self) -> list[OfflinePeriod]:
        away_ns = int(self.share.offline * 1_000_000_000)
        found = []
        for at_ns in departure_times_ns(self.scope, self.share):
            # Spread over one period, so that the returns are no storm.
            for user in sample_users(self.scope, self.share, self.rng):
                leaves_ns = at_ns + int(self.rng.uniform(0, away_ns))
                found.append(OfflinePeriod(user.number, leaves_ns, leaves_ns + away_ns))
        return found
