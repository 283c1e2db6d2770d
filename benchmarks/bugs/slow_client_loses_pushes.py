"""A push to a client whose outbox is full is dropped, and the connection stays open.

The edge counts the push as sent, so no gap is announced.
"""

import logging

from gauntlet.reference_server.edge.client_socket import ClientSocket

SENTENCE = "A full outbox drops single pushes of a slow client instead of closing its connection."
SERVICES = ("edge",)
ANOMALIES = ("wire-order", "undelivered")
OPTIONS = {"scenario": "slow", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Return without a close where the outbox would overflow."""
    original_write = ClientSocket.write

    def write(self: ClientSocket, data: bytes) -> None:
        unsent = self._transport.get_write_buffer_size()
        if self.closed_with is None and unsent + len(data) > self._outbox_bytes:
            log.warning("seeded bug acted: %s", self.core.name)
            return
        original_write(self, data)

    ClientSocket.write = write
