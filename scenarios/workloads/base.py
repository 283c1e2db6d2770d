"""The base class of workloads, and what several of them share."""

import random
from abc import ABC, abstractmethod
from typing import ClassVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.plugins import WorkloadKind
from gauntlet.core.scenario.model import WorkloadShare
from gauntlet.scenarios.workloads.entities import (
    OfflinePeriod,
    PlannedConversation,
    RoomAbsence,
    RoomRemoval,
    Scope,
    User,
    direct_conversation,
)


class Workload(ABC):
    """One way in which users talk, planned for the users of one worker; `kind` describes it.

    A workload draws only from its own random generator `rng`, so that adding another workload to a
    scenario never changes what this one plans. The methods are called once each, in the order in
    which they are defined here.
    """

    kind: ClassVar[WorkloadKind]

    def __init__(self, scope: Scope, share: WorkloadShare, rng: random.Random) -> None:
        self.scope = scope
        self.share = share
        self.rng = rng

    @abstractmethod
    def conversations(self) -> list[PlannedConversation]:
        """Return the conversations to send in; each is drawn as often as any other."""

    def offline_periods(self) -> list[OfflinePeriod]:
        """Return who goes offline on purpose, and when."""
        return []

    def room_absences(self) -> list[RoomAbsence]:
        """Return who exits which room and enters it again, and when."""
        return []

    def room_removals(self) -> list[RoomRemoval]:
        """Return who is removed from which room and added again, and when."""
        return []


def peer_conversations(
    users: tuple[User, ...], rng: random.Random, peers: int
) -> list[PlannedConversation]:
    """Return one-to-one conversations in which every user has about `peers` peers.

    The users form a shuffled ring, and each of them talks with the next `peers / 2`.
    """
    ring = list(users)
    rng.shuffle(ring)
    planned: dict[str, PlannedConversation] = {}
    for distance in range(1, max(1, peers // 2) + 1):
        for position, user in enumerate(ring):
            peer = ring[(position + distance) % len(ring)]
            if peer is not user:
                conversation = direct_conversation(user, peer)
                planned[conversation.name] = conversation
    return list(planned.values())


def departure_times_ns(scope: Scope, share: WorkloadShare) -> list[int]:
    """Return when users leave, in nanoseconds from the start of the timeline.

    These are the times of `at`; without it, users leave after a third of the steady phase.
    """
    if share.at:
        return [int(at_s * NS_PER_S) for at_s in share.at]
    return [scope.ramp_ns + scope.steady_ns // 3]


def sample_users(scope: Scope, share: WorkloadShare, rng: random.Random) -> list[User]:
    """Return `percent` of the users, but at least one, in random order."""
    count = max(1, round(len(scope.users) * share.percent / 100))
    return rng.sample(scope.users, min(count, len(scope.users)))
