"""Two workers of an edge write to one connection, and one of 40 pushes is overtaken by the next."""

import logging

from gauntlet.reference_server.edge.client_socket import ClientSocket

SENTENCE = "One of 40 pushes on a connection leaves after the next one of its conversation."
SERVICES = ("edge",)
ANOMALIES = ("wire-order",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Hold some pushes back until the next one."""
    original_push = ClientSocket.push
    held: dict[tuple[str, str], bytes] = {}

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        key = (self.core.name, conv)
        if seq % 40 == 9 and key not in held:
            if self.core.advance(conv, seq) is not None:
                held[key] = frame
            return
        original_push(self, conv, seq, frame)
        if key in held:
            log.warning("seeded bug acted: %s before %d", conv, seq)
            self.write(held.pop(key))

    ClientSocket.push = push
