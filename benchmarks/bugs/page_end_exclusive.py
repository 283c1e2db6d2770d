"""A large page is read as a range of positions, and the end of the range is exclusive.

The page names the right head, but the message at the head is not on it.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A page of more than 8 entries after a cursor lacks its last entry."
SERVICES = ("message",)
ANOMALIES = ("history-gap", "undelivered")
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

LISTED_MAX = 8
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Leave out the last entry of a page that is read by a range."""
    original_read = MessageService.read

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        entries, head = await original_read(self, conv, after, limit)
        if after > 0 and len(entries) > LISTED_MAX:
            log.warning("seeded bug acted: %d of %s", entries[-1].seq, conv)
            entries.pop()
        return entries, head

    MessageService.read = read
