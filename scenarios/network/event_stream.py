"""The transport `sse`: server-sent events over one HTTP response that does not end.

Source of the format: the WHATWG HTML standard, section 9.2, "Server-sent events".
"""

import asyncio

import httptools

from gauntlet.scenarios.adapters.base import Response, ServerSentEvent
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.hosts import endpoint_of
from gauntlet.scenarios.network.http_client import HEAD_BYTES_MAX, INTERIM_MAX
from gauntlet.scenarios.network.http_messages import encode, header_lines
from gauntlet.scenarios.network.stream_wire import StreamWire
from gauntlet.scenarios.network.wire import (
    CLOSE_ABNORMAL,
    DIAL_TIMEOUT_S,
    Listener,
    Network,
    TransportError,
)

_SHOWN_BYTES = 200


class EventParser:
    """Cuts the body of the response into events; comments and unknown fields are skipped."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0  # with one for each line, because lines may be empty
        self._event = ""
        self._id = ""
        self._skip_line_feed = False

    @property
    def pending_bytes(self) -> int:
        """The size of the event that is not complete yet."""
        return len(self._rest) + self._data_bytes

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events that are complete with these bytes."""
        if self._skip_line_feed and data.startswith(b"\n"):
            data = data[1:]
        self._skip_line_feed = data.endswith(b"\r")
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in data:
            self._rest += data
            return []
        *lines, rest = (bytes(self._rest) + data).split(b"\n")
        self._rest = bytearray(rest)
        events = []
        for line in lines:
            if line:
                self._on_field(line)
            elif self._data:
                events.append(
                    ServerSentEvent(b"\n".join(self._data), self._event or "message", self._id)
                )
                self._data, self._event, self._data_bytes = [], "", 0
            else:
                self._event = ""
        return events

    def _on_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
        elif name == b"event":
            self._event = value.decode(errors="replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")


class EventStream(StreamWire):
    """One stream; httptools calls the `on_…` methods."""

    def __init__(self, listener: Listener, message_bytes_max: int) -> None:
        super().__init__(listener, message_bytes_max)
        self._parser = httptools.HttpResponseParser(self)
        self._events = EventParser()
        self._head = bytearray()
        self._refusal = bytearray()  # the beginning of the body of any other response than 200
        self._opened = False
        self._interim = 0  # responses 1xx before the final one
        self._unread_bytes = 0  # since the last part of the body: the parser may hold them back
        # The response when its head is complete, or the reason for which there is none.
        self.head: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")
        self._unread_bytes += len(data)
        if self._interim > INTERIM_MAX:
            self._fail(f"more than {INTERIM_MAX} interim responses")
        elif not self._opened and self._unread_bytes > HEAD_BYTES_MAX + len(data):
            self._fail(f"a head of more than {HEAD_BYTES_MAX} bytes")
        elif max(self._unread_bytes, self._events.pending_bytes) > self._bytes_max:
            self._fail(f"an event of more than {self._bytes_max} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += name + b": " + value + b"\r\n"

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == 200 and not self.head.done():
            self._opened = True
            self.head.set_result(Response(status, b"", head=bytes(self._head)))

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        if not self._opened:
            self._refusal += body[: _SHOWN_BYTES - len(self._refusal)]
            if len(self._refusal) == _SHOWN_BYTES:  # the rest may be endless
                self._end_refused()
            return
        for event in self._events.feed(body):
            self._listener.on_frame(event)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # only announces the response
            self._interim += 1
            self._head.clear()
            return
        if not self._opened:
            self._end_refused()
            return
        self.close()
        self._close_code = CLOSE_ABNORMAL
        self._close_reason = "the server has ended the stream"

    def _end_refused(self) -> None:
        text = self._refusal.decode(errors="replace")
        self._close_reason = f"HTTP {self._parser.get_status_code()} {text}".strip()
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        reason = self._close_reason or str(exc or "")
        if not self.head.done():
            self.head.set_exception(TransportError(reason or "closed by the server"))
        elif self._opened:
            self._listener.on_closed(self._close_code, reason)


async def dial(network: Network, dial: Dial, listener: Listener) -> tuple[EventStream, Response]:
    """Open a stream; TransportError if the server does not answer with one."""
    assert dial.next_request is not None
    endpoint = endpoint_of(dial.url)
    address, port = await network.hosts.locate(endpoint)
    request = dial.next_request()
    stream = EventStream(listener, network.message_bytes_max)
    lines = header_lines({"Accept": "text/event-stream", **network.headers, **dial.headers})
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            await asyncio.get_running_loop().create_connection(
                lambda: stream,
                address,
                port,
                ssl=network.tls.context if endpoint.secure else None,
                server_hostname=network.tls.name_for(endpoint.host) if endpoint.secure else None,
            )
            stream.send(encode(request, endpoint.authority, lines))
            return stream, await stream.head
    except OSError as error:
        stream.abort()
        raise TransportError(str(error) or type(error).__name__) from error
