"""The grace timer of a lost connection is not cancelled when its user reconnects.

The user is shown as exited from their rooms although they are back.
"""

import logging
from collections.abc import Sequence

from gauntlet.reference_server.services.room_presence import PresenceEntry, RoomPresence

SENTENCE = "A user who reconnects within the grace period is evicted from their rooms anyway."
SERVICES = ("room",)
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "cut-rooms", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Let no connection succeed a lost one, and end the whole stay after its grace period."""

    def reconnect(self: RoomPresence, user: str, connection: str) -> None:
        if self._lost.get(user):
            log.warning("seeded bug acted: %s", user)

    def replace(
        self: RoomPresence, user: str, lost: str, successors: Sequence[str]
    ) -> list[PresenceEntry]:
        ended = [entry for entry in self._of(user) if lost in entry.connections]
        for entry in ended:
            if entry.connections != [lost]:
                log.warning("seeded bug acted: %s is evicted from %s", user, entry.conv)
            entry.connections.clear()
        if not ended:
            self.forget(user, lost)
        return ended

    def confirm_leased(self: RoomPresence, leased: object) -> None:
        return None

    RoomPresence.reconnect = reconnect
    RoomPresence.replace = replace
    RoomPresence.confirm_leased = confirm_leased
