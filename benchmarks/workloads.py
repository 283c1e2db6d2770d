"""Workloads that only benchmarks have: whoever writes is the only reader."""

from gauntlet.scenarios.workloads import WORKLOADS
from gauntlet.scenarios.workloads.base import Workload
from gauntlet.scenarios.workloads.entities import PlannedConversation

ALONE = "alone"
OWN_ROOM = "own-room"


class Alone(Workload):
    """Each user has a conversation whose only member he is: for an echo."""

    def conversations(self) -> list[PlannedConversation]:
        return [PlannedConversation(f"e.{user.name}", (user.number,)) for user in self.scope.users]


class OwnRoom(Workload):
    """The same on a system that has rooms: a send is one delivery."""

    def conversations(self) -> list[PlannedConversation]:
        return [PlannedConversation(f"r.{user.name}", (user.number,)) for user in self.scope.users]


def register() -> None:
    """Have scenarios know them, in this process."""
    WORKLOADS.update({ALONE: Alone, OWN_ROOM: OwnRoom})
