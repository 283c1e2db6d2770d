"""After a broker outage an edge repeats its last pushes, because their confirms were lost.

The repeats do not pass the state of the connection, which would drop them.
"""

import logging
from collections import deque

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.edge import Edge

SENTENCE = "When the broker is back, an edge pushes the last messages of each connection again."
SERVICES = ("edge",)
ANOMALIES = ("wire-order", "resync-replay")
OPTIONS = {"scenario": "broker", "stack": "embedded"}

KEPT = 3
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep the last frames of each connection, and write them when the bus reconnects."""
    original_init, original_push = Edge.__init__, ClientSocket.push
    last: dict[ClientSocket, deque[bytes]] = {}

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        last.setdefault(self, deque(maxlen=KEPT)).append(frame)
        original_push(self, conv, seq, frame)

    def replay(connected: bool) -> None:  # noqa: FBT001 - the signature of a state callback
        for socket, frames in last.items() if connected else ():
            log.warning("seeded bug acted: %s", socket.core.name)
            for frame in frames:
                socket.write(frame)

    def init(self: Edge, config: Config) -> None:
        original_init(self, config)
        self._bus.on_state(replay)

    ClientSocket.push = push
    Edge.__init__ = init
