"""One user's connection, which counts pushes, checks their order and answers heartbeats."""

import time

import msgspec

from benchmarks.payload import due_ns_of
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.websocket import WebSocket, dial
from gauntlet.scenarios.network.wire import Listener, loopback_network

SUBPROTOCOL = "im.v1.json"
PONG = b'{"pong":{}}'


class _Push(msgspec.Struct):
    conv: str
    seq: int
    body: str = ""


class _Signal(msgspec.Struct):
    """A frame whose content is not needed."""


class _Frame(msgspec.Struct):
    msg: _Push | None = None
    room: _Push | None = None
    ping: _Signal | None = None
    connected: _Signal | None = None


_decode = msgspec.json.Decoder(_Frame).decode


class Tally:
    """Counts and latencies of all receivers of a process."""

    def __init__(self) -> None:
        self.deliveries = 0
        self.wrong = 0  # out of order, repeated, gaps, connections that ended
        self.latencies_ms: list[float] = []

    def clear(self) -> None:
        """Reset the counts and latencies."""
        self.deliveries = self.wrong = 0
        self.latencies_ms = []


class Receiver:
    """The connection of one user."""

    def __init__(self, tally: Tally) -> None:
        self.connected = False
        self._tally = tally
        self._seq: dict[str, int] = {}
        self._socket: WebSocket
        self._ending = False

    async def connect(self, url: str, token: str, device: str) -> None:
        """Dial and send the connect frame; `connected` is set when the server has answered."""
        request = Dial(url, subprotocols=(SUBPROTOCOL,))
        listener = Listener(self._on_frame, lambda _response: None, self._on_closed)
        self._socket, _ = await dial(loopback_network(), request, listener)
        connect = {"token": token, "device": device, "cursors": {}}
        self._socket.send(msgspec.json.encode({"connect": connect}))

    def close(self) -> None:
        """Close the connection."""
        self._ending = True
        self._socket.close()

    def _on_frame(self, data: bytes) -> None:
        frame = _decode(data)
        push = frame.msg or frame.room
        if push is not None:
            self._on_push(push)
        elif frame.ping is not None:
            self._socket.send(PONG)
        elif frame.connected is not None:
            self.connected = True
        else:  # a gap, an error
            self._tally.wrong += 1

    def _on_push(self, push: _Push) -> None:
        last = self._seq.get(push.conv)
        if last is not None and push.seq != last + 1:
            self._tally.wrong += 1
        self._seq[push.conv] = push.seq
        if push.body:
            self._tally.deliveries += 1
            self._tally.latencies_ms.append((time.monotonic_ns() - due_ns_of(push.body)) / 1e6)

    def _on_closed(self, _code: int, _reason: str) -> None:
        if not self._ending:
            self._tally.wrong += 1
