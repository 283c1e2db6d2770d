"""Each check of the leases starts the grace period of a lost connection again.

The period is longer than the time between two checks, so it never ends.
"""

import logging
from collections.abc import Collection, Mapping

from gauntlet.reference_server.services.room_presence import RoomPresence

SENTENCE = "The grace period of an absent user is started again by each check, so it never ends."
SERVICES = ("room",)
ANOMALIES = ("attendance-stale", "exit")
OPTIONS = {"scenario": "long-absence", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Overwrite the time of the loss of every connection without a lease."""
    original_mark = RoomPresence.mark_unleased

    def mark_unleased(
        self: RoomPresence, leased: Mapping[str, Collection[str]], now_s: float
    ) -> None:
        original_mark(self, leased, now_s)
        for user, lost in self._lost.items():
            for connection in lost.keys() - set(leased.get(user, ())):
                if lost[connection] < now_s:
                    log.warning("seeded bug acted: %s, %.1f s", user, now_s - lost[connection])
                lost[connection] = now_s

    RoomPresence.mark_unleased = mark_unleased
