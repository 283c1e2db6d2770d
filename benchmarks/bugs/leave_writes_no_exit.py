"""A `leave` ends the stays of its user in the memory of the room service, and not in the database.

The user's rooms have no event `exited`, and their lists go on naming the user.
"""

import logging

from gauntlet.reference_server.services.room_presence import PresenceEntry, RoomPresence

SENTENCE = "A user who leaves all rooms at once is not reported to exit them."
SERVICES = ("room",)
ANOMALIES = ("exit", "attendance-stale")
OPTIONS = {"scenario": "long-absence", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Forget the stays that a `leave` has ended."""
    original_leave = RoomPresence.leave

    def leave(self: RoomPresence, user: str, connection: str) -> list[PresenceEntry]:
        for entry in original_leave(self, user, connection):
            log.warning("seeded bug acted: %s left %s", user, entry.conv)
            self.remove(entry)
        return []

    RoomPresence.leave = leave
