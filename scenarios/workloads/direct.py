"""One-to-one conversations: every user talks with a few peers."""

from typing import ClassVar

from gauntlet.core.plugins import WorkloadKind
from gauntlet.scenarios.workloads.base import Workload, peer_conversations
from gauntlet.scenarios.workloads.entities import PlannedConversation

PEERS = 4


class Direct(Workload):
    """Every user talks with about four peers."""

    kind: ClassVar[WorkloadKind] = WorkloadKind("direct", "one-to-one conversations")

    def conversations(self) -> list[PlannedConversation]:
        return peer_conversations(self.scope.users, self.rng, PEERS)
