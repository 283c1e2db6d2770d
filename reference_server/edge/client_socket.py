"""One client's WebSocket: writes without waiting, limits the unsent bytes, closes once."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from gauntlet.reference_server.core.trail import Trail
from gauntlet.reference_server.core.wire import Close
from gauntlet.reference_server.edge.connection import Connection

# How long a slow consumer gets to read what is buffered, the close frame being the last of it. A
# client that stalled for less than this reads the reason; otherwise it finds the connection reset.
CLOSE_TIMEOUT_S = 5.0
_FINAL_TEXT = 0x81  # the first byte of a text frame that is not continued


def text_frame(payload: bytes) -> bytes:
    """Return a whole WebSocket text frame as a server sends it (RFC 6455, 5.2: unmasked).

    The bytes are the same for every recipient.
    """
    size = len(payload)
    if size < 126:
        return bytes((_FINAL_TEXT, size)) + payload
    if size < 65_536:
        return bytes((_FINAL_TEXT, 126, size >> 8, size & 0xFF)) + payload
    return bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big") + payload


class ClientSocket:
    """A connection's protocol state together with its WebSocket.

    Frames are written straight to the transport: all of them are single unmasked text frames
    without extensions, so that one serialization serves every recipient.
    """

    __slots__ = (
        "_closing", "_outbox_bytes", "_protocol", "_trail", "_transport", "_ws",
        "closed_with", "core", "device", "has_left", "user",
    )  # fmt: skip

    def __init__(
        self,
        core: Connection,
        ws: ServerConnection,
        *,
        outbox_bytes: int,
        trail: Trail | None = None,
    ) -> None:
        self.core = core
        self.user = self.device = ""
        self.has_left = False  # the client sent `leave`, so its end is not a lost connection
        self.closed_with: Close | None = None
        self._ws, self._protocol, self._transport = ws, ws.protocol, ws.transport
        self._outbox_bytes = outbox_bytes
        self._trail = trail
        self._closing: asyncio.Task[None] | None = None

    def send(self, payload: bytes) -> None:
        """Write one frame's payload."""
        self.write(text_frame(payload))

    def greet(self, payloads: Sequence[bytes]) -> None:
        """Write the frames that end the handshake, however many: others add to a user's heads.

        The limit of unsent bytes grows by their size, so a client is not slow because of them.
        """
        if not self._is_open:  # the client has left while its heads were read
            return
        frames = b"".join([text_frame(payload) for payload in payloads])
        self._outbox_bytes += len(frames)
        # Twice the outbox, as in `listeners.listen`: at that limit the connection is cut off.
        self._transport.set_write_buffer_limits(high=2 * self._outbox_bytes)
        self.write(frames)

    def write(self, data: bytes) -> bool:
        """Write serialized frames, or close with 4008 a client whose outbox they would overflow.

        Return whether they were written.
        """
        if not self._is_open:
            return False
        if self._transport.get_write_buffer_size() + len(data) > self._outbox_bytes:
            self.close(Close.SLOW_CONSUMER)
            return False
        self._transport.write(data)
        return True

    @property
    def _is_open(self) -> bool:
        return self.closed_with is None and self._protocol.state is State.OPEN

    @property
    def is_congested(self) -> bool:
        """Whether more than half of the outbox is unsent, and the socket is not being closed."""
        unsent = self._transport.get_write_buffer_size()
        return self.closed_with is None and 2 * unsent > self._outbox_bytes

    def push(self, conv: str, seq: int, frame: bytes) -> None:
        """Push an entry's frame, preceded by any gap; do nothing if it was pushed or skipped."""
        gap = self.core.advance(conv, seq)
        if gap is None:
            return
        written = self.write(text_frame(gap) + frame if gap else frame)
        if written and self._trail is not None:
            self._trail.push(self.user, self.device, conv, seq)

    def skip_to(self, conv: str, seq: int) -> None:
        """Announce that nothing before `seq` will be pushed."""
        gap = self.core.skip_to(conv, seq)
        if gap:
            self.send(gap)

    def close(self, code: Close, reason: str = "") -> None:
        """Begin to close; of several calls only the first one's code is sent."""
        if self.closed_with is None:
            self.closed_with = code
            self._closing = asyncio.create_task(self._close(code, reason))

    async def closed(self) -> None:
        """Wait until a close that has begun is over."""
        if self._closing is not None:
            await self._closing

    async def _close(self, code: Close, reason: str) -> None:
        # `ws.close` waits until the client has read everything, which a slow one may never do.
        with suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._ws.close(code, reason)
        self._ws.transport.abort()
