"""A draining edge reports the end of a connection as if the user had left the app.

The room service ends the stays that the old connection began, although the user has moved to
another edge.
"""

import logging

from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.edge import Edge

SENTENCE = "Users whose connection moves in a cutover exit the rooms that they had entered on it."
SERVICES = ("edge",)
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "cutover", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Report `leave` instead of `lost` while the edge drains."""
    original = Edge._on_disconnect

    def on_disconnect(self: Edge, socket: ClientSocket) -> None:
        if self._drain.active is not None and socket in self._sockets and not socket.has_left:
            log.warning("seeded bug acted: %s of %s", socket.core.name, socket.user)
            self._report(socket, "leave")
            socket.has_left = True
        original(self, socket)

    Edge._on_disconnect = on_disconnect
