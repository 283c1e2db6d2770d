"""Users who went away are removed from some rooms only.

The timer that ends their stays stops at rooms whose number is odd: their stays go on until the user
exits explicitly.
"""

import logging
from collections.abc import Sequence

from gauntlet.reference_server.services.room_presence import PresenceEntry, RoomPresence

SENTENCE = "Users who close the app stay in every second room forever."
SERVICES = ("room",)
ANOMALIES = ("exit", "attendance-stale")
OPTIONS = {"scenario": "long-absence", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep the stays in some rooms whose last connection is overdue."""
    original_replace = RoomPresence.replace

    def replace(
        self: RoomPresence, user: str, lost: str, successors: Sequence[str]
    ) -> list[PresenceEntry]:
        ended = original_replace(self, user, lost, successors)
        kept = [entry for entry in ended if entry.conv[-1] in "13579"]
        for entry in kept:
            log.warning("seeded bug acted: %s stays in %s", user, entry.conv)
            entry.connections.append(lost)
        return [entry for entry in ended if entry not in kept]

    RoomPresence.replace = replace
