"""The room service waits before it writes an exit, in case the user only flickered.

Users who explicitly exit and come back within three seconds are never shown to have gone.
"""

import asyncio
import logging
from typing import Any

from gauntlet.reference_server.core.internal_api import PresenceEvent
from gauntlet.reference_server.services.room import RoomService

SENTENCE = "An explicit exit is not broadcast if the user returns within three seconds."
SERVICES = ("room",)
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "rooms", "stack": "embedded"}
WAIT_S = 3.0

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Hold exits back, and drop those whose user enters again meanwhile."""
    original = RoomService._apply
    held: dict[tuple[str, str], tuple[str, asyncio.Task[None]]] = {}

    async def exit_later(self: RoomService, event: PresenceEvent) -> None:
        await asyncio.sleep(WAIT_S)
        held.pop((event.user, event.conv), None)
        async with self._lock:
            await original(self, [event])

    def hold(self: RoomService, event: PresenceEvent) -> None:
        key = event.user, event.conv
        if key not in held:
            held[key] = event.connection, asyncio.create_task(exit_later(self, event))

    def exits_of(self: RoomService, event: PresenceEvent) -> list[PresenceEvent]:
        if event.event == "exit":
            return [event]
        presence: Any = self._presence
        return [
            PresenceEvent(event.user, event.connection, "exit", entry.conv)
            for entry in presence._of(event.user)
            if event.connection in entry.connections
        ]

    async def apply(self: RoomService, events: list[PresenceEvent]) -> None:
        for event in events:
            if event.event in {"exit", "leave"}:
                for each in exits_of(self, event):
                    hold(self, each)
                continue
            await original(self, [event])
            if event.event == "enter" and (event.user, event.conv) in held:
                connection, task = held.pop((event.user, event.conv))
                task.cancel()
                log.warning("seeded bug acted: %s never exited %s", event.user, event.conv)
                entry = self._presence.entry(event.conv, event.user)
                if entry and connection != event.connection and connection in entry.connections:
                    entry.connections.remove(connection)

    RoomService._apply = apply
