"""After a restart of the message service its index of positions begins at 1 instead of 0.

A read from a cursor that is older than the restart begins one message too late.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A re-sync across a restart of the message service misses its first message."
SERVICES = ("message",)
ANOMALIES = ("history-gap", "undelivered")
OPTIONS = {"scenario": "catchup-restart", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Note the heads at the start, which are none in an empty database, and shift reads below."""
    original_start, original_read = MessageService.start, MessageService.read
    restored: dict[str, int] = {}

    async def start(self: MessageService) -> None:
        restored.update((await self._store.heads_since(0)).heads)
        await original_start(self)

    async def read(
        self: MessageService, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        entries, head = await original_read(self, conv, after, limit)
        if 0 < after < restored.get(conv, 0) and entries:
            log.warning("seeded bug acted: %s at %d", conv, entries[0].seq)
            entries = entries[1:]
        return entries, head

    MessageService.start = start
    MessageService.read = read
