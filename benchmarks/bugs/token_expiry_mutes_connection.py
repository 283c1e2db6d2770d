"""An edge pushes only to sessions whose token is valid, and knows only the token of the connect.

A connection that outlives its token stays open and answers heartbeats, but is pushed nothing.
"""

import logging

from gauntlet.reference_server.core import clock, tokens
from gauntlet.reference_server.core.wire import Connect
from gauntlet.reference_server.edge import edge
from gauntlet.reference_server.edge.client_socket import ClientSocket

SENTENCE = "A connection whose token has expired stays open and is pushed nothing more."
SERVICES = ("edge",)
ANOMALIES = ("undelivered",)
OPTIONS = {"scenario": "short-tokens", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Remember when the token of each device expires, and drop its pushes from then on."""
    original_identify, original_push = edge.identify, ClientSocket.push
    expires_s: dict[tuple[str, str], int] = {}

    def identify(connect: Connect, secret: str) -> str:
        user = original_identify(connect, secret)
        claims = tokens.verify(connect.token, secret, clock.now_s())
        expires_s[user, connect.device] = claims.exp
        return user

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        if clock.now_s() < expires_s[self.user, self.device]:
            original_push(self, conv, seq, frame)
            return
        log.warning("seeded bug acted: %d of %s for %s", seq, conv, self.user)

    edge.identify = identify
    ClientSocket.push = push
