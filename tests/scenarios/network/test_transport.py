"""The transport of sessions: the order of what it reports."""

import asyncio
import base64
import contextlib
import hashlib

from gauntlet.scenarios.adapters.base import Request
from gauntlet.scenarios.client.connection import Connection, Dial
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.network.wire import loopback_network

from ..raw_server import Server, reply

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HELLO = b"\x81\x05hello"


class RecordingSession:
    """Records what it is told of its connection."""

    def __init__(self):
        self.calls = []

    def on_open(self, _connection, _response):
        self.calls.append("open")

    def on_frame(self, _connection, frame):
        self.calls.append(frame)

    def on_closed(self, _connection, _code):
        self.calls.append("closed")


class SpeaksFirst:
    """A server that sends its first message in the same segment as its answer to the handshake."""

    def __init__(self):
        self.ended = asyncio.Event()

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.splitlines() if b": " in line)
        digest = hashlib.sha1(headers[b"Sec-WebSocket-Key"] + _GUID).digest()
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n" + _HELLO
        )
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.ended.set()


async def test_a_server_that_speaks_first_is_heard_after_the_connection_is_open():
    """Otherwise the session would answer on a connection that it does not have yet."""
    speaker = SpeaksFirst()
    server = await asyncio.start_server(speaker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    failures = []
    transport = SocketTransport(loopback_network(), [], "websocket", failures.append)
    session = RecordingSession()
    url = f"ws://127.0.0.1:{port}"
    connection = Connection(session, url, 0)
    async with asyncio.timeout(30):
        transport.dial(connection, Dial(url))
        while len(session.calls) < 2:
            await asyncio.sleep(0.01)
        assert session.calls == ["open", b"hello"]
        assert not failures
        await transport.shut()
        while session.calls[-1] != "closed":
            await asyncio.sleep(0.01)
        await speaker.ended.wait()
    server.close()
    await server.wait_closed()


async def test_a_request_that_is_made_once_is_not_repeated_after_a_failure():
    """Otherwise, a server might carry out a change twice."""
    request = Request("PUT", "/change")
    unavailable = reply("", "503 Service Unavailable")
    async with Server(unavailable, None, reply("a")) as server:
        transport = SocketTransport(loopback_network(), [server.url], "websocket", print)
        first, second, third = [await transport.request_once(at, request, 5) for at in range(3)]
        await transport.shut()
    assert (first.status, second, third.body) == (503, None, b"a")
    assert len(server.requests) == 3


async def test_a_request_that_needs_an_answer_is_repeated():
    async with Server(reply("", "503 Service Unavailable"), None, reply("a")) as server:
        transport = SocketTransport(loopback_network(), [server.url], "websocket", print)
        answered = await transport.request_until_answered(0, Request("GET", "/read"), 30)
        await transport.shut()
    assert answered.body == b"a"
    assert len(server.requests) == 3
