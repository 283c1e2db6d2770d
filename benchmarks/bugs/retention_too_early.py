"""The retention job counts in seconds what is configured in hours.

Messages of rooms that are older than six seconds are missing from the history.
"""

import logging
import time

from gauntlet.reference_server.core.wire import Entry, is_room
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "Messages of rooms disappear from the history six seconds after they were sent."
SERVICES = ("message",)
ANOMALIES = ("lost-acked", "history-gap")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

KEPT_MS = 6000
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Leave old messages of rooms out of every read."""
    original_read = MessageService.read

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        entries, head = await original_read(self, conv, after, limit)
        oldest = time.time() * 1000 - KEPT_MS
        kept = [e for e in entries if e.ts >= oldest or e.type == "room" or not is_room(conv)]
        if len(kept) < len(entries):
            log.warning("seeded bug acted: %d of %s", len(entries) - len(kept), conv)
        return kept, head

    MessageService.read = read
