"""The history continues after the time of the cursor's message, in seconds.

Messages that were committed in the same second as the cursor's message are skipped.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A page of history skips the messages that follow the cursor's within the same second."
SERVICES = ("message",)
ANOMALIES = ("history-gap",)
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Filter every page by the time of the entry that the cursor names."""
    original_read = MessageService.read

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        entries, head = await original_read(self, conv, after, limit)
        if after == 0 or not entries:
            return entries, head
        cursor, _ = await original_read(self, conv, after - 1, 1)
        later = [
            entry for entry in entries if not cursor or entry.ts // 1000 > cursor[0].ts // 1000
        ]
        if len(later) < len(entries):
            log.warning("seeded bug acted: %d skipped", len(entries) - len(later))
        return later, head

    MessageService.read = read
