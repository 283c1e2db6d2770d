"""A client that resumes is told that its own cursors are the heads.

The edge pushes only what comes later than the real heads, so what was sent while the client was
away is announced nowhere.
"""

import logging

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge.connection import Connection

SENTENCE = "A client that returns is told its own cursors as heads, and misses what came between."
SERVICES = ("edge",)
ANOMALIES = ("history-regress", "wire-order")
OPTIONS = {"scenario": "cut", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Replace heads by cursors in the frame that ends the handshake."""
    original_receive, original_connected = Connection.receive, Connection.connected
    cursors: dict[str, dict[str, int]] = {}

    def receive(self: Connection, data: bytes | str, now_s: float) -> wire.ClientFrame:
        frame = original_receive(self, data, now_s)
        if frame.connect is not None:
            cursors[self.name] = dict(frame.connect.cursors)
        return frame

    def connected(self: Connection, heads: dict[str, int]) -> list[bytes]:
        known = cursors.pop(self.name, {})
        stated = {conv: min(head, known.get(conv, head)) for conv, head in heads.items()}
        for conv, head in heads.items():
            if stated[conv] < head:
                log.warning("seeded bug acted: %s %d of %d", conv, stated[conv], head)
            self.begin(conv, head + 1)  # whatever the client is told
        return original_connected(self, stated)

    Connection.receive = receive
    Connection.connected = connected
