"""One-to-one conversations whose receivers go offline, miss messages, and catch up."""

from gauntlet.scenarios.workloads.base import Workload, departures, leavers, pairs
from gauntlet.scenarios.workloads.entities import Absence, Draft

PEERS = 2


class OfflineCatchup(Workload):
    """`percent` of the users leave one after the other and stay away for `offline` each."""

    def conversations(self) -> list[Draft]:
        return pairs(self.scope.users, self.rng, PEERS)

    def absences(self) -> list[Absence]:
        away_ns = int(self.share.offline * 1_000_000_000)
        found = []
        for at_ns in departures(self.scope, self.share):
            # Spread over one absence, so that the returns are no storm.
            for user in leavers(self.scope, self.share, self.rng):
                leaves_ns = at_ns + int(self.rng.uniform(0, away_ns))
                found.append(Absence(user.number, leaves_ns, leaves_ns + away_ns))
        return found
