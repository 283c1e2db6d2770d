"""What a workload is: it wishes conversations, and may have users go offline on purpose."""

import random
from abc import ABC, abstractmethod
from typing import ClassVar

from gauntlet.core.plugins import WorkloadKind
from gauntlet.core.scenario.model import WorkloadShare
from gauntlet.scenarios.workloads.entities import (
    OfflinePeriod,
    PlannedConversation,
    RoomAbsence,
    Scope,
    User,
    direct_conversation,
)


class Workload(ABC):
    """One way in which users talk, which `kind` describes.

    It draws random numbers only from its own generator, so that one workload never changes another.
    """

    kind: ClassVar[WorkloadKind]

    def __init__(self, scope: Scope, share: WorkloadShare, rng: random.Random) -> None:
        self.scope = scope
        self.share = share
        self.rng = rng

    @abstractmethod
    def conversations(self) -> list[PlannedConversation]:
        """The conversations it sends in, each as likely as any other."""

    def offline_periods(self) -> list[OfflinePeriod]:
        """Who goes offline and comes back, and when."""
        return []

    def room_absences(self) -> list[RoomAbsence]:
        """Who exits his room and enters it again, and when. Asked for last."""
        return []


def pairs(users: tuple[User, ...], rng: random.Random, peers: int) -> list[PlannedConversation]:
    """One-to-one conversations in which every user has about `peers` peers.

    Users stand in a shuffled ring, and each talks with the `peers / 2` next ones.
    """
    ring = list(users)
    rng.shuffle(ring)
    planned: dict[str, PlannedConversation] = {}
    for step in range(1, max(1, peers // 2) + 1):
        for at, user in enumerate(ring):
            other = ring[(at + step) % len(ring)]
            if other is not user:
                plan = direct_conversation(user, other)
                planned[plan.name] = plan
    return list(planned.values())


def departure_times_ns(scope: Scope, share: WorkloadShare) -> list[int]:
    """When users leave, from the start of the timeline: `at`, or a third into the steady part."""
    if share.at:
        return [int(at * 1_000_000_000) for at in share.at]
    return [scope.ramp_ns + scope.steady_ns // 3]


def sample_users(scope: Scope, share: WorkloadShare, rng: random.Random) -> list[User]:
    """`percent` of the users, at least one, in a random order."""
    count = max(1, round(len(scope.users) * share.percent / 100))
    return rng.sample(scope.users, min(count, len(scope.users)))
