"""Rooms with `size` members: every user is in one, and attends it while connected."""

from typing import ClassVar

from gauntlet.kernel.capabilities import ROOMS
from scenarios.plan import Draft
from scenarios.workloads.base import Workload


class Group(Workload):
    """Users are dealt into rooms; who is left over joins the last one."""

    needs: ClassVar[frozenset[str]] = frozenset({ROOMS})
    prefix: ClassVar[str] = "r.w"

    def conversations(self) -> list[Draft]:
        users = [user.number for user in self.scope.users]
        self.rng.shuffle(users)
        rooms = max(1, len(users) // self.share.size)
        members = [users[at * self.share.size : (at + 1) * self.share.size] for at in range(rooms)]
        members[-1] += users[rooms * self.share.size :]
        name = f"{self.prefix}{self.scope.worker}"
        return [Draft(f"{name}-{at}", tuple(m)) for at, m in enumerate(members) if len(m) > 1]
