"""All connections of an edge write their heartbeats from one buffer, which is not always cleared.

A client without news gets the heads of the connection that was served before it: it learns which
conversations others have, and how much is said there.
"""

import logging

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.connection import Connection

SENTENCE = "A heartbeat without news of its own states the heads of the previous client."
SERVICES = ("edge",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "crowd", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Fill the buffer only when there is something to state."""
    original = Connection._heads
    buffer: dict[str, int] = {}

    def heads(self: Connection) -> wire.Heads:
        stated = original(self).heads
        if stated:
            buffer.clear()
            buffer.update(stated)
        elif others := buffer.keys() - self._next_seq.keys():
            log.warning("seeded bug acted: %s is told of %d others", self.name, len(others))
        return wire.Heads(dict(buffer))

    Connection._heads = heads
