"""The timer that ends the stays of absent users is never started.

Only who exits a room explicitly is removed from the list of those who are in it.
"""

import logging

from gauntlet.reference_server.services.room_presence import RoomPresence

SENTENCE = "A user who closes the app stays in the list of those who are in a room."
SERVICES = ("room",)
ANOMALIES = ("attendance-stale", "exit")
OPTIONS = {"scenario": "long-absence", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Let no grace period end."""
    original_overdue = RoomPresence.overdue

    def overdue(self: RoomPresence, now_s: float, grace_s: float) -> dict[str, str]:
        for user in original_overdue(self, now_s, grace_s).values():
            log.warning("seeded bug acted: %s stays", user)
        return {}

    RoomPresence.overdue = overdue
