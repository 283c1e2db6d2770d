"""The room service ends a stay when a connection is lost, without counting the others.

A user who loses one of two devices is shown as exited, although they are there on the other one.
"""

import logging

from gauntlet.reference_server.core.internal_api import PresenceEvent
from gauntlet.reference_server.services.room import RoomService

SENTENCE = "A user who loses one of two devices is exited although the other one is connected."
SERVICES = ("room",)
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "cut-devices", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Write the exit of a stay that several connections hold as soon as one of them is lost."""
    original_apply = RoomService._apply

    async def apply(self: RoomService, events: list[PresenceEvent]) -> None:
        for event in events:
            if event.event != "lost":
                continue
            held = [
                entry
                for entry in self._presence._of(event.user)
                if event.connection in entry.connections and len(entry.connections) > 1
            ]
            for entry in held:
                log.warning("seeded bug acted: %s exits %s", event.user, entry.conv)
                entry.connections.clear()
            await self._write_exits(held)
        await original_apply(self, events)

    RoomService._apply = apply
