"""A page of one entry is taken for the preview of a conversation, which shows its last message.

It has the newest entry instead of the one that follows the cursor.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A page with the limit 1 has the newest entry and not the one after its cursor."
SERVICES = ("message",)
ANOMALIES = ("history-gap",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Read from before the head where one entry is wanted."""
    original_read = MessageService.read

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        entries, head = await original_read(self, conv, after, limit)
        if limit == 1 and after < head - 1:
            log.warning("seeded bug acted: %d instead of %d", head, after + 1)
            return await original_read(self, conv, head - 1, limit)
        return entries, head

    MessageService.read = read
