"""A read of missed messages returns the newest ones when there are many.

The older part of what was missed is left out, and the page does not show it.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A client that missed more than 8 messages of a conversation gets only the newest 8."
SERVICES = ("message",)
ANOMALIES = ("history-gap", "undelivered")
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

KEPT = 8
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Shorten a page that begins after a cursor to its last entries."""
    original_read = MessageService.read

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        entries, head = await original_read(self, conv, after, limit)
        if after > 0 and len(entries) > KEPT:
            log.warning("seeded bug acted: %d left out", len(entries) - KEPT)
            entries = entries[-KEPT:]
        return entries, head

    MessageService.read = read
