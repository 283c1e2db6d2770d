"""An edge limits the age of some connections, and closes them as if their clients had left.

Nothing is lost, because the clients come back and read what they missed.
"""

import asyncio
import logging
from collections.abc import Sequence

from gauntlet.reference_server.core.wire import Close
from gauntlet.reference_server.edge.client_socket import ClientSocket

SENTENCE = "Every eighth connection is closed with the code of a normal end when it is 4 s old."
SERVICES = ("edge",)
ANOMALIES = ("connections-last",)
OPTIONS = {"scenario": "connections", "stack": "embedded"}

AGE_S = 4.0

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Close every eighth connection of the edge some time after it was accepted."""
    original = ClientSocket.greet
    accepted = 0

    def expire(socket: ClientSocket) -> None:
        if socket.closed_with is None:
            log.warning("seeded bug acted: %s of %s", socket.core.name, socket.user)
            socket.close(Close.NORMAL)

    def greet(self: ClientSocket, payloads: Sequence[bytes]) -> None:
        nonlocal accepted
        accepted += 1
        original(self, payloads)
        if accepted % 8 == 0:
            asyncio.get_running_loop().call_later(AGE_S, expire, self)

    ClientSocket.greet = greet
