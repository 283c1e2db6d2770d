"""A page of history begins with the entry at the caller's position instead of after it.

Readers get the last entry of one page again as the first of the next one.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "Pages of history include the position after which they should begin."
SERVICES = ("message",)
ANOMALIES = ("history-order",)
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Read from one position earlier, except at the beginning."""
    original = MessageService.read

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        if after > 0:
            log.warning("seeded bug acted: %s %d is read again", conv, after)
        return await original(self, conv, max(0, after - 1), limit)

    MessageService.read = read
