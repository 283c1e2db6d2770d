"""Rooms: every user is a member of one and attends it while connected; some exit and return."""

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

# Standard deviation of the logarithm of the sizes: a tenth of all rooms are larger than 3.6 times
# the median.
SIGMA = 1.0


class Group(Workload):
    """Users are dealt into rooms; those left over join the last one."""

    kind: ClassVar[WorkloadKind] = WorkloadKind(
        "group", "rooms with many members", needs=(ROOMS,), sized=True
    )
    prefix: ClassVar[str] = "r.w"

    def conversations(self) -> list[PlannedConversation]:
        users = [user.number for user in self.scope.users]
        self.rng.shuffle(users)
        rooms: list[list[int]] = []
        for size in room_sizes(self.share, len(users), self.rng):
            if len(users) < size:
                break
            rooms.append(users[:size])
            del users[:size]
        if not rooms:
            rooms.append([])
        rooms[-1] += users
        name = f"{self.prefix}{self.scope.tag}{self.scope.worker}"
        self._rooms = [
            PlannedConversation(f"{name}-{number}", tuple(members))
            for number, members in enumerate(rooms)
            if len(members) > 1
        ]
        return self._rooms

    def room_absences(self) -> list[RoomAbsence]:
        """Exits of a member are a Poisson process over the time that the member is in the room."""
        if not self.share.exits:
            return []
        away_ns = int(self.share.offline * NS_PER_S)
        first_ns = self.scope.ramp_ns
        last_ns = first_ns + self.scope.steady_ns - away_ns
        absences = []
        for room in self._rooms:
            for user in room.members:
                at_ns = first_ns
                while (at_ns := at_ns + self._gap_ns(self.share.exits)) < last_ns:
                    absences.append(RoomAbsence(user, room.name, at_ns, at_ns + away_ns))
                    at_ns += away_ns
        return absences

    def _gap_ns(self, exits_per_s: float) -> int:
        return int(self.rng.expovariate(exits_per_s) * NS_PER_S)


def room_sizes(share: WorkloadShare, users: int, rng: random.Random) -> Iterator[int]:
    """Yield the size of one room after the other, without end.

    `lognormal` draws from a log-normal distribution with the median `size`, between 2 and all
    `users`: the groups of Meetup and Reddit are distributed like this (Vranić, Smiljanić, Mitrović
    Dankulov, "Universal growth of social groups", 2022, arXiv:2206.06732).
    """
    if share.sizes == "fixed":
        return itertools.repeat(share.size)
    if share.sizes == "lognormal":
        log_median = math.log(share.size)
        drawn = (round(rng.lognormvariate(log_median, SIGMA)) for _ in itertools.count())
        return (min(max(2, size), max(2, users)) for size in drawn)
    sizes, weights = zip(*share.sizes, strict=True)
    return (rng.choices(sizes, weights)[0] for _ in itertools.count())
