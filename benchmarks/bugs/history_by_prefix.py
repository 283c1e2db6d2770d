"""The history is read by a prefix of its key, without the separator that follows a conversation.

The page of a conversation also holds messages of those whose ids begin with its id.
"""

import logging

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import messages
from gauntlet.reference_server.store.messages import MessageReader

SENTENCE = "The history of a conversation holds messages of those whose ids begin with its id."
SERVICES = ("message",)
ANOMALIES = ("phantom", "misdelivery", "access")
OPTIONS = {"scenario": "catchup-crowd", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Compare only the beginning of the conversation's id."""
    original_entries = MessageReader.entries
    messages._ENTRIES = messages._ENTRIES.replace("conv = $1", "conv LIKE $1 || '%'")

    async def entries(
        self: MessageReader, conv: str, after: int, limit: int
    ) -> tuple[list[Entry], int]:
        found, head = await original_entries(self, conv, after, limit)
        others = {entry.conv for entry in found} - {conv}
        if others:
            log.warning("seeded bug acted: %s also holds %s", conv, ", ".join(sorted(others)))
        return found, head

    MessageReader.entries = entries
