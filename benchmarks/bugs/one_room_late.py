"""The entries of one room in four wait in a retry queue for 1.5 seconds."""

import asyncio
import logging
import zlib
from collections.abc import Iterable

from gauntlet.reference_server.core.wire import Entry, is_room
from gauntlet.reference_server.edge.subscriptions import Subscriptions

SENTENCE = "Every message of one room in four is delivered 1.5 seconds late."
SERVICES = ("edge",)
ANOMALIES = ("late",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

DELAY_S = 1.5
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Hold the entries of some rooms back, and keep their heads unknown until then."""
    original_batch, original_head = Subscriptions.on_batch, Subscriptions.note_head

    def is_late(conv: str) -> bool:
        return is_room(conv) and zlib.crc32(conv.encode()) % 4 == 0

    def on_batch(self: Subscriptions, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if is_late(entry.conv) and entry.type == "msg":
                log.warning("seeded bug acted: %s", entry.conv)
                loop = asyncio.get_running_loop()
                loop.call_later(DELAY_S, original_batch, self, (entry,))
            else:
                original_batch(self, (entry,))

    def note_head(self: Subscriptions, conv: str, head: int) -> None:
        if not is_late(conv):
            original_head(self, conv, head)

    Subscriptions.on_batch = on_batch
    Subscriptions.note_head = note_head
