"""Workloads for benchmarks only: the writer of a message is its only reader."""

from typing import ClassVar

from gauntlet.core.plugins import WorkloadKind
from gauntlet.core.scenario.capabilities import ROOMS
from gauntlet.scenarios.workloads import WORKLOADS
from gauntlet.scenarios.workloads.base import Workload
from gauntlet.scenarios.workloads.entities import PlannedConversation

OWN_CONVERSATION = "own-conversation"
OWN_ROOM = "own-room"


class OwnConversation(Workload):
    """Each user has a conversation of which they are the only member, for the echo server."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        OWN_CONVERSATION, "conversations with a single member"
    )

    def conversations(self) -> list[PlannedConversation]:
        return [PlannedConversation(f"e.{user.name}", (user.number,)) for user in self.scope.users]


class OwnRoom(Workload):
    """The same for a system with rooms: every send causes one delivery."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        OWN_ROOM, "rooms with a single member", needs=(ROOMS,)
    )

    def conversations(self) -> list[PlannedConversation]:
        return [PlannedConversation(f"r.{user.name}", (user.number,)) for user in self.scope.users]


BENCHMARK_WORKLOADS: dict[str, type[Workload]] = {
    OWN_CONVERSATION: OwnConversation,
    OWN_ROOM: OwnRoom,
}


def register() -> None:
    """Register the workloads in this process."""
    WORKLOADS.update(BENCHMARK_WORKLOADS)
