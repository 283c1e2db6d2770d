"""One socket of a proxied connection, on the event loop.

The proxy uses sockets itself instead of asyncio's transports for two reasons. A transport reads a
busy socket up to 32 times before it lets others go on; here each wake reads once. And a transport
collects what is written during an iteration of the loop and sends it as one, which undoes what a
slicer has cut; here each write is one call of the operating system.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol

# One read. More of it means less work per byte, but longer iterations, for which others wait.
READ_BYTES = 65_536
HIGH_WATER_BYTES = 65_536  # if more than this waits to be written, the other socket is not read
_WRITES_PER_WAKE = 16
_LINGER_0 = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds; a close then sends RST
# Everything is read into one buffer: what cannot be written immediately is copied from it.
_buffer = bytearray(READ_BYTES)
_view = memoryview(_buffer)


class Source(Protocol):
    """The direction that a socket is read for."""

    def receive(self, data: bytes | memoryview) -> None:
        """Process bytes. They are only valid during the call."""

    def source_ended(self) -> None:
        """The socket sends no more."""


class Destination(Protocol):
    """The direction that writes to a socket."""

    def set_blocked(self, *, blocked: bool) -> None:
        """Whether too many bytes wait to be written."""

    def destination_lost(self) -> None:
        """The socket accepts no more."""


class Endpoint:
    """One socket: the source of one direction and the destination of the other."""

    def __init__(self, raw: socket.socket) -> None:
        raw.setblocking(False)
        with contextlib.suppress(OSError):  # the peer has gone already; the first read shows it
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._raw = raw
        self._loop = asyncio.get_running_loop()
        self._reads: Source | None = None
        self._writes: Destination | None = None
        self._on_close: Callable[[], None] | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._reading = False  # a reader is registered
        self._wanted = True  # the direction wants to read
        self._ended = False  # the socket sends no more
        self._writing = False  # a writer is registered
        self._blocked = False
        self._closing = False

    def attach(self, reads: Source, writes: Destination, on_close: Callable[[], None]) -> None:
        """Connect the socket to its directions and start to read; `on_close` is called once."""
        self._reads, self._writes, self._on_close = reads, writes, on_close
        self._adjust_reader()

    # --- reading

    def set_reading(self, *, wanted: bool) -> None:
        """Read the socket, or leave its bytes in the operating system."""
        self._wanted = wanted
        self._adjust_reader()

    def _adjust_reader(self) -> None:
        wanted = self._wanted and self._reads is not None and not self._ended and not self._closing
        if wanted != self._reading:
            self._reading = wanted
            if wanted:
                self._loop.add_reader(self._raw, self._on_readable)
            else:
                self._loop.remove_reader(self._raw)

    def _on_readable(self) -> None:
        assert self._reads is not None  # the reader is registered by `attach`
        try:
            size = self._raw.recv_into(_buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._close_soon()
            return
        if size:
            self._reads.receive(_view[:size])
            return
        # The socket is closed when the other direction ends.
        self._ended = True
        self._adjust_reader()
        self._reads.source_ended()

    # --- writing

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes, now if possible; they are copied if they must wait."""
        if self._closing:
            return
        if not self._waiting:
            sent = self._send(data)
            if sent is None or sent == len(data):
                return
            data = data[sent:]
        self._waiting.append(bytes(data))
        self._waiting_bytes += len(data)
        if not self._writing:
            self._writing = True
            self._loop.add_writer(self._raw, self._on_writable)
        self._adjust_blocked()

    def _send(self, data: bytes | memoryview) -> int | None:
        """Return how many bytes were sent; None if the socket is lost."""
        try:
            return self._raw.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._close_soon()
            return None

    def _on_writable(self) -> None:
        for _ in range(_WRITES_PER_WAKE):
            if not self._waiting:
                break
            data = self._waiting.popleft()
            sent = self._send(data)
            if sent is None:
                return
            self._waiting_bytes -= sent
            if sent < len(data):
                self._waiting.appendleft(data[sent:])
                break
        if self._waiting:
            self._adjust_blocked()
            return
        self._stop_writing()
        if self._closing:
            self._close_soon()
        else:
            self._adjust_blocked()

    def _adjust_blocked(self) -> None:
        # Blocked above the limit, until everything is written: in between, nothing changes.
        blocked = bool(self._waiting) and (self._blocked or self._waiting_bytes > HIGH_WATER_BYTES)
        if blocked != self._blocked and not self._closing:
            self._blocked = blocked
            if self._writes is not None:
                self._writes.set_blocked(blocked=blocked)

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._raw)

    # --- closing

    def close(self) -> None:
        """Close the socket after everything that waits to be written."""
        if not self._closing:
            self._closing = True
            self._adjust_reader()
            if not self._waiting:
                self._loop.call_soon(self._finish)

    def abort(self) -> None:
        """Close the socket now and drop what waits to be written."""
        self._close_soon()

    def reset(self) -> None:
        """Close the socket by RST and drop what has not been sent."""
        with contextlib.suppress(OSError):  # closed already
            self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        self._close_soon()

    def _close_soon(self) -> None:
        """Stop everything now, and inform the directions in the next iteration of the loop.

        The caller may be one of them, in the middle of its own work.
        """
        self._closing = True
        self._waiting.clear()
        self._waiting_bytes = 0
        self._stop_writing()
        self._adjust_reader()
        self._loop.call_soon(self._finish)

    def _finish(self) -> None:
        if self._raw.fileno() == -1:
            return
        self._raw.close()
        if self._reads is not None and self._writes is not None and self._on_close is not None:
            self._reads.source_ended()
            self._writes.destination_lost()
            self._on_close()
