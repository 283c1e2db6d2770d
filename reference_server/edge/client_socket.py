"""One client's WebSocket: writes without waiting, bounds what is unsent, closes once."""

import asyncio
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from gauntlet.reference_server.core.wire import Close
from gauntlet.reference_server.edge.connection import Connection

# A slow consumer gets this long to read what is buffered, the close frame at its end. Who was
# away for less than that learns why; who was away for longer finds the connection reset.
CLOSE_TIMEOUT_S = 5.0


def text_frame(payload: bytes) -> bytes:
    """A whole WebSocket text frame as a server sends it: the same bytes for every recipient."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


class BoundedConnection(ServerConnection):
    """Cut off at its write limit: `websockets` answers pings itself, to whoever reads nothing."""

    def pause_writing(self) -> None:
        self.transport.abort()


class ClientSocket:
    """A connection's core beside its WebSocket.

    Frames go straight to the transport: all of ours are single unmasked text frames without
    extensions, so that serializing one anew per recipient would buy nothing.
    """

    __slots__ = (
        "_closing", "_outbox_bytes", "_protocol", "_transport", "_ws",
        "closed_with", "core", "left", "user",
    )  # fmt: skip

    def __init__(self, core: Connection, ws: ServerConnection, *, outbox_bytes: int) -> None:
        self.core = core
        self.user = ""
        self.left = False  # the client said `leave`: its end is no loss
        self.closed_with: Close | None = None
        self._ws, self._protocol, self._transport = ws, ws.protocol, ws.transport
        self._outbox_bytes = outbox_bytes
        self._closing: asyncio.Task[None] | None = None

    def send(self, payload: bytes) -> None:
        """Write one frame's payload."""
        self.write(text_frame(payload))

    def write(self, data: bytes) -> None:
        """Write serialized frames; a client that does not read is closed instead, 4008."""
        if self.closed_with is not None or self._protocol.state is not State.OPEN:
            return
        if self._transport.get_write_buffer_size() + len(data) > self._outbox_bytes:
            self.close(Close.SLOW_CONSUMER)
        else:
            self._transport.write(data)

    @property
    def is_congested(self) -> bool:
        """Whether half of what may be unsent is, and there is still somebody to read it."""
        unsent = self._transport.get_write_buffer_size()
        return self.closed_with is None and 2 * unsent > self._outbox_bytes

    def push(self, conv: str, seq: int, frame: bytes) -> None:
        """Push an entry's frame, announcing a jump; drops what was told already."""
        gap = self.core.advance(conv, seq)
        if gap is not None:
            self.write(text_frame(gap) + frame if gap else frame)

    def skip_to(self, conv: str, seq: int) -> None:
        """Announce that nothing before `seq` will be pushed."""
        gap = self.core.skip_to(conv, seq)
        if gap:
            self.send(gap)

    def close(self, code: Close, reason: str = "") -> None:
        """Begin to close; the first code counts."""
        if self.closed_with is None:
            self.closed_with = code
            self._closing = asyncio.create_task(self._close(code, reason))

    async def closed(self) -> None:
        """Wait for the end of a close that has begun."""
        if self._closing is not None:
            await self._closing

    async def _close(self, code: Close, reason: str) -> None:
        # `ws.close` waits for the client to read everything, which a slow one may never do.
        with suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._ws.close(code, reason)
        self._ws.transport.abort()
