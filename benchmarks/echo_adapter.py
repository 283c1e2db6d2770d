"""The engine against an echo: an adapter that is in no registry, named by its place.

A message's echo is its acknowledgement and its delivery, so that everything the engine does for a
message happens: queue, clocks, histograms, history, dedupe, ledger. The payload's checksum holds
the echo to what was sent.
"""

from collections import deque
from collections.abc import Mapping

from gauntlet.core.scenario.capabilities import SELF_ECHO, SERVER_SEQ
from gauntlet.scenarios.adapters import base

ADAPTER = "benchmarks.echo_adapter:Echo"
HELLO = b"hello"
# Nothing here is about heartbeats: a server that is stopped for seconds is not given up.
PING_MS = PONG_MS = 300_000


class Echo:
    """The echo server. What it numbers is the order in which it answers on a connection."""

    capabilities = frozenset({SERVER_SEQ, SELF_ECHO})
    subprotocol = "echo"

    def __init__(self, _settings: base.Settings) -> None: ...

    def websocket_url(self, url: str) -> str:
        return url

    def codec(self, user: str, device: str) -> "Codec":
        return Codec(user)


class Codec(base.Codec):
    """One session: the body is the whole frame, and echoes come in the order of the sends."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._under_way: deque[tuple[str, str]] = deque()  # conversation and ticket
        self._seq = 0

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        return HELLO

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverSocket[base.Sent]:
        self._under_way.append((conv, client_msg_id))
        return base.OverSocket(client_msg_id, (body.encode(),))

    def lost(self) -> None:
        self._under_way.clear()

    def read(self, frame: bytes) -> base.Event:
        if frame == HELLO:
            return base.Connected("echo", "", PING_MS, PONG_MS, {})
        if not self._under_way:
            raise base.ProtocolError("an echo of nothing")
        conv, ticket = self._under_way.popleft()
        self._seq += 1
        entry = base.Entry(conv, self._seq, self._user, frame.decode(), ticket)
        return base.EventBatch((base.Answer(ticket, base.Sent("yes", self._seq)), entry))
