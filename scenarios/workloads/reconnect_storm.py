"""One-to-one conversations whose members disconnect together and return in the same instant."""

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

PEERS = 4


class ReconnectStorm(Workload):
    """`percent` of the users leave together, and connect together `offline` later."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        "reconnect_storm", "one-to-one conversations whose users all disconnect and return at once"
    )

    def conversations(self) -> list[PlannedConversation]:
        return peer_conversations(self.scope.users, self.rng, PEERS)

    def offline_periods(self) -> list[OfflinePeriod]:
        away_ns = int(self.share.offline * NS_PER_S)
        return [
            OfflinePeriod(user.number, at_ns, at_ns + away_ns)
            for at_ns in departure_times_ns(self.scope, self.share)
            for user in sample_users(self.scope, self.share, self.rng)
        ]
