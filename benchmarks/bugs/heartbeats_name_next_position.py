"""An edge takes the next position of a conversation for its last one when it writes a heartbeat.

Clients look in the history for a message that does not exist yet, again and again.
"""

import logging
import zlib

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.connection import Connection

SENTENCE = "The heads in heartbeats of one conversation in three are one too high."
SERVICES = ("edge",)
ANOMALIES = ("history-gap",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Add one to some heads."""
    original_heads = Connection._heads

    def heads(self: Connection) -> wire.Heads:
        stated = original_heads(self).heads
        for conv in stated:
            if zlib.crc32(conv.encode()) % 3 == 0:
                log.warning("seeded bug acted: %s does not reach %d", conv, stated[conv] + 1)
                stated[conv] += 1
        return wire.Heads(stated)

    Connection._heads = heads
