"""The users are spread over fifty shards of the fan-out, and one of these shards has a backlog.

Its users receive everything, and everything 1.5 seconds late.
"""

import asyncio
import logging
import zlib

from gauntlet.reference_server.edge.client_socket import ClientSocket

SENTENCE = "One user in fifty receives every message 1.5 seconds late."
SERVICES = ("edge",)
ANOMALIES = ("late",)
OPTIONS = {"scenario": "crowd", "stack": "embedded"}

SHARDS, SLOW_SHARD = 50, 2
DELAY_S = 1.5
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Delay the pushes to the users of one shard; all by the same time, so their order stays."""
    original_push = ClientSocket.push

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        if zlib.crc32(self.user.encode()) % SHARDS != SLOW_SHARD:
            original_push(self, conv, seq, frame)
            return
        log.warning("seeded bug acted: %s", self.user)
        loop = asyncio.get_running_loop()
        loop.call_later(DELAY_S, original_push, self, conv, seq, frame)

    ClientSocket.push = push
