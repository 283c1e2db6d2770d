"""Rooms in which some members stop reading their sockets while the talk goes on."""

from gauntlet.scenarios.workloads.base import departures, leavers
from gauntlet.scenarios.workloads.entities import Absence
from gauntlet.scenarios.workloads.group import Group


class SlowConsumer(Group):
    """`percent` of the users read nothing for `offline`, at the same time; then they read on."""

    prefix = "r.slow-w"

    def absences(self) -> list[Absence]:
        pause_ns = int(self.share.offline * 1_000_000_000)
        return [
            Absence(user.number, at_ns, at_ns + pause_ns, stalls=True)
            for at_ns in departures(self.scope, self.share)
            for user in leavers(self.scope, self.share, self.rng)
        ]
