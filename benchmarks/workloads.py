"""Workloads for benchmarks only: the writer of a message is its only reader."""

from gauntlet.scenarios.workloads import WORKLOADS
from gauntlet.scenarios.workloads.base import Workload
from gauntlet.scenarios.workloads.entities import PlannedConversation

ALONE = "alone"
OWN_ROOM = "own-room"


class Alone(Workload):
    """Each user has a conversation of which they are the only member, for the echo server."""

    def conversations(self) -> list[PlannedConversation]:
        return [PlannedConversation(f"e.{user.name}", (user.number,)) for user in self.scope.users]


class OwnRoom(Workload):
    """The same for a system with rooms: every send causes one delivery."""

    def conversations(self) -> list[PlannedConversation]:
        return [PlannedConversation(f"r.{user.name}", (user.number,)) for user in self.scope.users]


def register() -> None:
    """Register the workloads in this process."""
    WORKLOADS.update({ALONE: Alone, OWN_ROOM: OwnRoom})
