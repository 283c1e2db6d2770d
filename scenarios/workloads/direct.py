"""One-to-one conversations: every user talks with a few peers."""

from typing import ClassVar

from gauntlet.core.plugins import WorkloadKind
from gauntlet.scenarios.workloads.base import Workload, pairs
from gauntlet.scenarios.workloads.entities import PlannedConversation

PEERS = 4


class Direct(Workload):
    """Everybody talks with about four others."""

    kind: ClassVar[WorkloadKind] = WorkloadKind("direct", "one-to-one conversations")

    def conversations(self) -> list[PlannedConversation]:
        return pairs(self.scope.users, self.rng, PEERS)
