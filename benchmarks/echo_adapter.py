"""The adapter for the echo server; it is not registered, but named by its import path.

The echo of a message is both its acknowledgement and its delivery, so that the engine does all its
work for a message: queue, clocks, histograms, history, deduplication, ledger. The checksum of the
payload verifies the echo.
"""

from collections import deque
from collections.abc import Mapping

from gauntlet.scenarios.adapters import base

ADAPTER = "benchmarks.echo_adapter:Echo"
HELLO = b"hello"
# Long enough that a server which is stopped for some seconds is not taken for dead.
PING_MS = PONG_MS = 300_000


class Echo(base.Adapter):
    """The echo server. The position of a message is its order of echo on a connection."""

    capabilities = frozenset({base.SERVER_SEQ, base.SELF_ECHO})
    subprotocols = ("echo",)

    def codec(self, account: base.Account, device: str) -> "Codec":
        return Codec(account.name)


class Codec(base.Codec):
    """One session: the body is the whole frame, and echoes arrive in the order of the sends."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._in_flight: deque[tuple[str, str]] = deque()  # conversation and ticket
        self._seq = 0

    def open(self, cursors: Mapping[str, base.Cursor]) -> bytes:
        return HELLO

    def send(self, conv: str, client_msg_id: str, body: str) -> base.OverSocket[base.Sent]:
        self._in_flight.append((conv, client_msg_id))
        return base.OverSocket(client_msg_id, (body.encode(),))

    def lost(self) -> None:
        self._in_flight.clear()

    def read(self, frame: bytes) -> base.Event:
        if frame == HELLO:
            return base.Connected("echo", "", PING_MS, PONG_MS, {})
        if not self._in_flight:
            raise base.ProtocolError("an echo without a send")
        conv, ticket = self._in_flight.popleft()
        self._seq += 1
        entry = base.Entry(conv, self._seq, self._user, frame.decode(), ticket)
        return base.EventBatch((base.Answer(ticket, base.Sent("yes", self._seq)), entry))
