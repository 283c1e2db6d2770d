"""One-to-one conversations whose users all drop, and all return in the same instant."""

from gauntlet.scenarios.workloads.base import Workload, departures, leavers, pairs
from gauntlet.scenarios.workloads.entities import Absence, Draft

PEERS = 4


class ReconnectStorm(Workload):
    """`percent` of the users leave together, and dial together `offline` later."""

    def conversations(self) -> list[Draft]:
        return pairs(self.scope.users, self.rng, PEERS)

    def absences(self) -> list[Absence]:
        away_ns = int(self.share.offline * 1_000_000_000)
        return [
            Absence(user.number, at_ns, at_ns + away_ns)
            for at_ns in departures(self.scope, self.share)
            for user in leavers(self.scope, self.share, self.rng)
        ]
