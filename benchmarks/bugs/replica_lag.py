"""The history is read from a replica of PostgreSQL that is 700 ms behind its primary.

A client that was told a head reads a history that does not reach it yet.
"""

import logging
import time

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "Reads of the history lag 700 ms behind the commits, and state an older head."
SERVICES = ("message",)
ANOMALIES = ("history-regress",)
OPTIONS = {"scenario": "cut", "stack": "full"}

LAG_MS = 700
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Leave the newest entries out of every read."""
    original_read = MessageService.read

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        entries, head = await original_read(self, conv, after, limit)
        replicated = time.time() * 1000 - LAG_MS
        seen = [entry for entry in entries if entry.ts <= replicated]
        if len(seen) < len(entries):
            log.warning("seeded bug acted: %d of %s", len(entries) - len(seen), conv)
            head = seen[-1].seq if seen else after
        return seen, head

    MessageService.read = read
