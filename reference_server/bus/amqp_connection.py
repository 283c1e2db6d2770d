"""One connection to an AMQP 0-9-1 broker with one channel, as the bus needs it.

A message is written in one call, is confirmed by a future, and is handed over in the turn of the
event loop in which it arrives. A general client costs several times as much CPU time for the same.
"""

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote, urlsplit

from gauntlet.reference_server.bus import amqp_frames as frames
from gauntlet.reference_server.bus.amqp_frames import AmqpError

PORT = 5672
CHANNEL = 1
FRAME_BYTES_MAX = 131_072  # unless the broker wants less
CLOSE_TIMEOUT_S = 0.5
_HEAD = struct.Struct(">BHI")

log = logging.getLogger(__name__)


class Returned(Exception):
    """No queue receives the message."""


class AmqpConnection:
    """The connection, with the methods of `asyncio.Protocol`; it is open until `error` is set.

    `on_message` is called with the body of every message, in the order of arrival.
    """

    def __init__(self, on_message: Callable[[bytes], None] | None = None) -> None:
        self.error: AmqpError | None = None
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frame_bytes_max = FRAME_BYTES_MAX
        self._heartbeat: asyncio.TimerHandle | None = None
        self._rest = b""  # of what was received: an incomplete frame
        self._expected = 0  # the method that answers the current call
        self._answer: asyncio.Future[bytes] | None = None
        self._number = 0  # of the last message that was published
        self._unconfirmed: dict[int, asyncio.Future[None]] = {}
        # The message that is being received: its method, how many bytes are missing, its parts.
        self._method = 0
        self._missing = 0
        self._returned = 0  # the number of the message, if one of ours is returned
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(AmqpError(f"the connection was lost: {exc}" if exc else "the broker hung up"))

    def eof_received(self) -> None:
        """Do nothing, which closes the connection."""

    def pause_writing(self) -> None:
        """Do nothing: every publication has a time limit."""

    def resume_writing(self) -> None:
        """Do nothing."""

    def data_received(self, data: bytes) -> None:
        if self.error is not None:
            return
        buffer = self._rest + data if self._rest else data
        begin = 0
        try:
            while len(buffer) - begin >= frames.OVERHEAD_BYTES:
                kind, _, size = _HEAD.unpack_from(buffer, begin)
                end = begin + 7 + size
                if size > self._frame_bytes_max:
                    raise AmqpError(f"not a frame: {buffer[begin : begin + 20]!r}")
                if len(buffer) <= end:
                    break
                if buffer[end] != frames.FRAME_END:
                    raise AmqpError("a frame without its closing byte")
                self._receive(kind, buffer[begin + 7 : end])
                begin = end + 1
        except AmqpError as error:
            self._fail(error)
            return
        except (IndexError, struct.error) as error:
            self._fail(AmqpError(f"a frame that ends too early: {error}"))
            return
        self._rest = buffer[begin:]

    async def open(self, user: str, password: str, vhost: str, heartbeat_s: int) -> None:
        """Log in, and open the channel, whose messages the broker confirms."""
        await self._call(frames.START, frames.PROTOCOL_HEADER)
        tune = await self._call(frames.TUNE, frames.start_ok(user, password))
        frame_bytes_max, broker_heartbeat_s = frames.read_tune(tune)
        if frame_bytes_max:
            self._frame_bytes_max = min(frame_bytes_max, FRAME_BYTES_MAX)
        if broker_heartbeat_s:
            heartbeat_s = min(heartbeat_s, broker_heartbeat_s)
        self._write(frames.tune_ok(self._frame_bytes_max, heartbeat_s))
        opening = frames.method(0, frames.OPEN, frames.short(vhost) + b"\0\0")
        await self._call(frames.OPEN_OK, opening)
        self._send_heartbeat(heartbeat_s / 2)
        channel = frames.method(CHANNEL, frames.CHANNEL_OPEN, b"\0")
        await self._call(frames.CHANNEL_OPEN_OK, channel)
        confirms = frames.method(CHANNEL, frames.CONFIRM_SELECT, b"\0")
        await self._call(frames.CONFIRM_SELECT_OK, confirms)

    async def declare_fanout(self, exchange: str) -> None:
        """Create an exchange that copies its messages to all bound queues."""
        declaration = frames.exchange_declare(CHANNEL, exchange, "fanout")
        await self._call(frames.EXCHANGE_DECLARE_OK, declaration)

    async def consume(self, queue: str, exchange: str) -> None:
        """Create a queue of this connection, bind it, and receive its messages."""
        await self._call(frames.QUEUE_DECLARE_OK, frames.queue_declare(CHANNEL, queue))
        await self._call(frames.QUEUE_BIND_OK, frames.queue_bind(CHANNEL, queue, exchange))
        await self._call(frames.CONSUME_OK, frames.consume(CHANNEL, queue))

    async def publish(self, exchange: str, key: str, body: bytes, *, mandatory: bool) -> None:
        """Publish a message; return when it is confirmed. Returned if `mandatory` fails."""
        if self.error is not None:
            raise self.error
        number = self._number + 1
        self._write(
            frames.message(
                CHANNEL, exchange, key, body, number, self._frame_bytes_max, mandatory=mandatory
            )
        )
        self._number = number
        confirmed = self._unconfirmed[number] = self._loop.create_future()
        await confirmed

    async def close(self) -> None:
        """Close in the way of the protocol, but not for longer than `CLOSE_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._call(frames.CLOSE_OK, frames.close())
        except (TimeoutError, AmqpError) as error:
            log.debug("closed without an answer: %r", error)
        finally:
            self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self._fail(AmqpError("the connection is closed"))

    def _receive(self, kind: int, payload: bytes) -> None:
        if kind == frames.METHOD:
            self._receive_method(int.from_bytes(payload[:4], "big"), payload[4:])
        elif kind == frames.HEADER:
            self._missing, self._parts = frames.body_size(payload), []
            self._returned = frames.number_of(payload) if self._method == frames.RETURN else 0
            if self._missing == 0:
                self._end_message()
        elif kind == frames.BODY:
            self._parts.append(payload)
            self._missing -= len(payload)
            if self._missing <= 0:
                self._end_message()
        elif kind != frames.HEARTBEAT:
            raise AmqpError(f"a frame of the unknown type {kind}")

    def _receive_method(self, method: int, arguments: bytes) -> None:
        if method in (frames.DELIVER, frames.RETURN):
            self._method = method
        elif method == frames.ACK:
            self._confirm(int.from_bytes(arguments[:8], "big"), multiple=arguments[8] & 1 == 1)
        elif method == frames.NACK:
            raise AmqpError("the broker could not take a message")
        elif method == frames.CLOSE:
            self._write(frames.method(0, frames.CLOSE_OK))
            raise AmqpError(f"the broker closes the connection: {frames.read_close(arguments)}")
        elif method == frames.CHANNEL_CLOSE:
            raise AmqpError(f"the broker closes the channel: {frames.read_close(arguments)}")
        elif method == frames.CANCEL:
            raise AmqpError("the queue is gone")
        elif method not in (frames.BLOCKED, frames.UNBLOCKED):
            self._end_call(method, arguments)

    def _end_message(self) -> None:
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts = []
        if self._method == frames.RETURN:
            # Its confirmation follows, and finds nothing to confirm.
            confirmed = self._unconfirmed.pop(self._returned, None)
            if confirmed is not None and not confirmed.done():
                confirmed.set_exception(Returned())
        elif self._on_message is not None:
            try:
                self._on_message(body)
            except Exception:  # a defect with one message must not end the consumption
                log.exception("a message could not be handled")

    def _confirm(self, number: int, *, multiple: bool) -> None:
        if not multiple:
            numbers = [number]
        else:
            numbers = [each for each in self._unconfirmed if each <= number]
        for each in numbers:
            confirmed = self._unconfirmed.pop(each, None)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)

    async def _call(self, expected: int, request: bytes) -> bytes:
        """Send a request and return the arguments of its answer."""
        if self.error is not None:
            raise self.error
        self._expected, self._answer = expected, self._loop.create_future()
        self._write(request)
        return await self._answer

    def _end_call(self, method: int, arguments: bytes) -> None:
        if self._answer is None or method != self._expected:
            raise AmqpError(f"the broker answers with {method:#010x}")
        if not self._answer.done():
            self._answer.set_result(arguments)
        self._answer = None

    def _send_heartbeat(self, every_s: float) -> None:
        if self.error is None and every_s > 0 and not self._is_closing():
            self._write(frames.HEARTBEAT_FRAME)
            self._heartbeat = self._loop.call_later(every_s, self._send_heartbeat, every_s)

    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise AmqpError("the connection is closed")
        self._transport.write(data)

    def _fail(self, error: AmqpError) -> None:
        """End the connection, and everything that waits for it; only the first error counts."""
        if self.error is not None:
            return
        self.error = error
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        for confirmed in self._unconfirmed.values():
            if not confirmed.done():
                confirmed.set_exception(error)
        self._unconfirmed.clear()
        if self._transport is not None:
            self._transport.abort()


async def connect(
    url: str, heartbeat_s: int, on_message: Callable[[bytes], None] | None = None
) -> AmqpConnection:
    """Return an open connection to `amqp://user:password@host:port`; AmqpError or OSError."""
    parts = urlsplit(url)
    connection = AmqpConnection(on_message)
    await asyncio.get_running_loop().create_connection(
        lambda: cast("asyncio.Protocol", connection), parts.hostname or "", parts.port or PORT
    )
    try:
        user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
        await connection.open(user, password, unquote(parts.path[1:]) or "/", heartbeat_s)
    except BaseException:
        connection.abort()
        raise
    return connection
