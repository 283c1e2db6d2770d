"""A room states at most five of the users who are present.

The list was shortened for a preview of the room, and is used by every caller.
"""

import logging

import msgspec

from gauntlet.reference_server.store.base import RoomState
from gauntlet.reference_server.store.messages import MessageReader

SENTENCE = "The list of who is present in a room ends after five users."
SERVICES = ("message",)
ANOMALIES = ("attendance-stale",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Cut the list of present users."""
    original = MessageReader.room

    async def room(self: MessageReader, conv: str) -> RoomState | None:
        state = await original(self, conv)
        if state is None or len(state.present) <= 5:
            return state
        log.warning("seeded bug acted: %s shows 5 of %d", conv, len(state.present))
        return msgspec.structs.replace(state, present=state.present[:5])

    MessageReader.room = room
