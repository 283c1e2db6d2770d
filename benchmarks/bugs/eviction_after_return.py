"""The grace timer of a lost connection is not cancelled when its user reconnects.

The user is shown as exited from their rooms although they are back.
"""

import logging

from gauntlet.reference_server.services.room_presence import RoomPresence

SENTENCE = "A user who reconnects within the grace period is evicted from their rooms anyway."
SERVICES = ("room",)
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "cut-rooms", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Let no connection succeed a lost one."""

    def reconnect(self: RoomPresence, user: str, connection: str) -> None:
        if self._lost.get(user):
            log.warning("seeded bug acted: %s", user)

    def successors(self: RoomPresence, user: str, *others: object) -> list[str]:
        return []

    def confirm_leased(self: RoomPresence, leased: object) -> None:
        return None

    RoomPresence.reconnect = reconnect
    RoomPresence.successors = successors
    RoomPresence.confirm_leased = confirm_leased
