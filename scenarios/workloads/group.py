"""Rooms: every user is in one, and attends it while connected; some come and go."""

import itertools
import math
import random
from collections.abc import Iterator
from typing import ClassVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.plugins import WorkloadKind
from gauntlet.core.scenario.capabilities import ROOMS
from gauntlet.core.scenario.model import WorkloadShare
from gauntlet.scenarios.workloads.base import Workload
from gauntlet.scenarios.workloads.entities import PlannedConversation, RoomAbsence

SIGMA = 1.0  # of the sizes' logarithm: a tenth of all rooms are beyond 3.6 times the median


class Group(Workload):
    """Users are dealt into rooms; who is left over joins the last one."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        "group", "rooms with many members", needs=(ROOMS,), sized=True
    )
    prefix: ClassVar[str] = "r.w"

    def conversations(self) -> list[PlannedConversation]:
        users = [user.number for user in self.scope.users]
        self.rng.shuffle(users)
        rooms: list[list[int]] = []
        for size in sizes(self.share, len(users), self.rng):
            if len(users) < size:
                break
            rooms.append(users[:size])
            del users[:size]
        if not rooms:
            rooms.append([])
        rooms[-1] += users
        name = f"{self.prefix}{self.scope.tag}{self.scope.worker}"
        self._drafts = [
            PlannedConversation(f"{name}-{at}", tuple(members))
            for at, members in enumerate(rooms)
            if len(members) > 1
        ]
        return self._drafts

    def room_absences(self) -> list[RoomAbsence]:
        """Each member's are a Poisson process in the time that he is in the room."""
        if not self.share.exits:
            return []
        away_ns = int(self.share.offline * NS_PER_S)
        first_ns = self.scope.ramp_ns
        last_ns = first_ns + self.scope.steady_ns - away_ns
        found = []
        for plan in self._drafts:
            for user in plan.members:
                at_ns = first_ns
                while (at_ns := at_ns + self._gap_ns(self.share.exits)) < last_ns:
                    found.append(RoomAbsence(user, plan.name, at_ns, at_ns + away_ns))
                    at_ns += away_ns
        return found

    def _gap_ns(self, exits_per_s: float) -> int:
        return int(self.rng.expovariate(exits_per_s) * NS_PER_S)


def sizes(share: WorkloadShare, users: int, rng: random.Random) -> Iterator[int]:
    """The sizes of one room after the other, without end: at least 2, at most all `users`.

    `lognormal` has the median `size`. Groups of Meetup and of Reddit are distributed so (Vranić,
    Smiljanić, Mitrović Dankulov, "Universal growth of social groups", 2022, arXiv:2206.06732).
    """
    if share.sizes == "fixed":
        return itertools.repeat(share.size)
    if share.sizes == "lognormal":
        middle = math.log(share.size)
        drawn = (round(rng.lognormvariate(middle, SIGMA)) for _ in itertools.count())
        return (min(max(2, size), max(2, users)) for size in drawn)
    known, weights = zip(*share.sizes, strict=True)
    return (rng.choices(known, weights)[0] for _ in itertools.count())
