"""What the wires on a byte stream have in common: sending, pausing and ending."""

import asyncio
from typing import cast

from gauntlet.scenarios.network.wire import (
    CLOSE_ABNORMAL,
    CLOSE_NORMAL,
    UNREAD_BYTES_MAX,
    Listener,
)


class StreamWire(asyncio.Protocol):
    """One TCP or TLS connection, which reports its end with a code and a reason."""

    def __init__(self, listener: Listener, message_bytes_max: int) -> None:
        self._listener = listener
        self._bytes_max = message_bytes_max
        self._close_code, self._close_reason = CLOSE_ABNORMAL, ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, frame: bytes) -> None:
        """Send bytes as they are; does nothing on a connection that has ended.

        A server that sends but does not read ends the connection, before the bytes fill the memory.
        """
        if self._transport is None:
            return
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
            self._fail(f"the server has not read {UNREAD_BYTES_MAX} bytes")

    def read(self, *, on: bool) -> None:
        """Pause or resume reading."""
        if self._transport is not None:
            (self._transport.resume_reading if on else self._transport.pause_reading)()

    def close(self) -> None:
        """Close after everything was written."""
        self._close_code = CLOSE_NORMAL
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, reason: str) -> None:
        """Drop the connection because of what the server sent."""
        self._close_reason = reason
        self.abort()
