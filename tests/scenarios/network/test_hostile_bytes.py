"""What a hostile server may send before, around and inside of a protocol, on every transport.

Each behaviour must end in an error of the request or of the connection that names it, within
bounds of time and memory.
"""

import asyncio
import base64
import contextlib
import gzip
import hashlib
import resource

import pytest

from gauntlet.scenarios.adapters.base import Framing, ProtocolError, Request
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network import event_stream, http_client, tcp, websocket, wire
from gauntlet.scenarios.network.http_client import HttpClient
from gauntlet.scenarios.network.long_poll import LongPoll
from gauntlet.scenarios.network.wire import Listener, TransportError, loopback_network

GROWTH_MAX_KB = 150 << 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OK = b"HTTP/1.1 200 OK\r\n"
BLOCK = b"a" * 65_536


def forever(start, block):
    """Send a start, and then a block as often as the client reads it."""

    async def answer(writer, _accept):
        writer.write(start)
        for _ in range(20_000):  # 1.3 GB
            writer.write(block)
            await writer.drain()

    return answer


def once(data):
    """Send bytes, and nothing more."""

    async def answer(writer, _accept):
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(30)

    return answer


def drip(start, block):
    """Send a start, and then a little every tenth of a second."""

    async def answer(writer, _accept):
        writer.write(start)
        while True:
            writer.write(block)
            await writer.drain()
            await asyncio.sleep(0.1)

    return answer


def upgraded(frames, headers=b"", times=1):
    """Accept a WebSocket, and send frames."""

    async def answer(writer, accept):
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(head + headers + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        for _ in range(times):
            writer.write(frames)
            await writer.drain()
        await asyncio.sleep(30)

    return answer


async def close(writer, _accept):
    """Close after the request."""


@contextlib.contextmanager
def closing(writer):
    """Drop a connection of the server at the end."""
    try:
        yield
    finally:
        writer.transport.abort()


class Hostile:
    """A server whose answer to every request is a function above."""

    def __init__(self, answer, *, reads=True, greets=False):
        self._answer, self._reads, self._greets = answer, reads, greets
        self.connections = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.tasks = set()
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # for the transports to close

    async def _serve(self, reader, writer):
        self.connections += 1
        self.tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError), closing(writer):
            head = b"" if self._greets else await reader.readuntil(b"\r\n\r\n")
            if not self._reads:
                writer.transport.pause_reading()
            key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            await self._answer(writer, base64.b64encode(hashlib.sha1(key + GUID).digest()))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    def url(self, scheme):
        return f"{scheme}://127.0.0.1:{self.port}/"


class Recorder:
    """Collects what a connection reports."""

    def __init__(self):
        self.frames, self.responses, self.ends = [], [], []
        self.ended = asyncio.Event()

    @property
    def listener(self):
        return Listener(self.frames.append, self.responses.append, self._on_closed)

    def _on_closed(self, code, reason):
        self.ends.append((code, reason))
        self.ended.set()


def limit_dials(monkeypatch, text):
    """Let a dial take long, unless its error is that it takes too long."""
    for module in (websocket, tcp, event_stream, wire):
        limit_s = 1.0 if text == "TimeoutError" else 60.0
        monkeypatch.setattr(module, "DIAL_TIMEOUT_S", limit_s, raising=False)


@pytest.fixture(autouse=True)
def bounded(monkeypatch):
    """Long waits, and a bound of memory for each test."""
    limit_dials(monkeypatch, "")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GROWTH_MAX_KB


REQUESTS = {
    "a header without end": (forever(OK + b"X: ", BLOCK), "a response of more than"),
    "headers without end": (forever(OK, b"X-A: " + b"a" * 1000 + b"\r\n"), "a response of more"),
    "a chunked body without end": (
        forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + BLOCK + b"\r\n"),
        "a response of more than",
    ),
    "a chunk extension without end": (
        forever(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", BLOCK),
        "a response of more than",
    ),
    "a trailer without end": (
        forever(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", BLOCK),
        "a response of more than",
    ),
    "a body of no length without end": (forever(OK + b"\r\n", BLOCK), "a response of more than"),
    "interim responses without end": (
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        "more than 20 interim responses",
    ),
    "a slow body": (drip(OK + b"Content-Length: 1000000\r\n\r\n", b"a"), "TimeoutError"),
    "a slow head": (drip(OK, b"X: 1\r\n"), "TimeoutError"),
    "chunks of no number": (once(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "not HTTP"),
    "a negative length": (once(OK + b"Content-Length: -5\r\n\r\n"), "not HTTP"),
    "a length of 5,000 digits": (
        once(OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"),
        "not HTTP",
    ),
    "another protocol": (once(b"SSH-2.0-OpenSSH_9.2\r\n"), "not HTTP"),
    "a close": (close, "closed by the server"),
    "a redirect to no address": (
        once(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"),
        "a redirect to 'http://['",
    ),
    "a redirect to no port": (
        once(b"HTTP/1.1 302 Found\r\nLocation: http://a:99999/\r\nContent-Length: 0\r\n\r\n"),
        "'http://a:99999' is not an address",
    ),
    "a redirect with a space": (
        once(b"HTTP/1.1 302 Found\r\nLocation: /a b\r\nContent-Length: 0\r\n\r\n"),
        "the redirect is invalid",
    ),
}


@pytest.mark.parametrize("behaviour", REQUESTS)
async def test_a_request_ends_with_an_error(behaviour):
    answer, text = REQUESTS[behaviour]
    async with Hostile(answer) as server, asyncio.timeout(60):
        client = HttpClient(loopback_network())
        timeout_s = 1.0 if text == "TimeoutError" else 20.0
        with pytest.raises(TransportError) as caught:
            await client.request(server.url("http")[:-1], Request("GET", "/"), timeout_s)
        client.close()
    assert text in str(caught.value)


async def test_a_redirect_in_a_loop_is_followed_a_few_times():
    loop = b"HTTP/1.1 307 T\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with Hostile(once(loop)) as server:
        client = HttpClient(loopback_network())
        response = await client.request(server.url("http")[:-1], Request("GET", "/"), 30.0)
        client.close()
    assert response.status == 307
    assert server.connections <= wire.REDIRECTS_MAX + 1


async def test_interim_responses_are_skipped():
    """An early hint is no answer to the request."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3
    async with Hostile(once(hints + OK + b"Content-Length: 2\r\nX: 1\r\n\r\nhi")) as server:
        client = HttpClient(loopback_network())
        response = await client.request(server.url("http")[:-1], Request("GET", "/"), 30.0)
        client.close()
    assert (response.status, response.body, response.headers.get("link")) == (200, b"hi", None)
    assert response.headers["x"] == "1"


async def test_a_compressed_body_stays_as_it_came():
    """It was not requested, so nothing is inflated."""
    body = gzip.compress(b"\0" * (1 << 24))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with Hostile(once(head + body)) as server:
        client = HttpClient(loopback_network())
        response = await client.request(server.url("http")[:-1], Request("GET", "/"), 30.0)
        client.close()
    assert response.body == body


async def test_a_wait_beyond_all_measure_is_bounded():
    wait = b"Retry-After: " + b"9" * 400
    head = OK + wait + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with Hostile(once(head)) as server:
        client = HttpClient(loopback_network())
        response = await client.request(server.url("http")[:-1], Request("GET", "/"), 30.0)
        client.close()
    assert response.retry_after_s == http_client.RETRY_AFTER_S_MAX


async def test_a_poll_that_is_no_response_ends_the_connection():
    async with Hostile(forever(OK + b"X: ", BLOCK)) as server, asyncio.timeout(60):
        client, recorder = HttpClient(loopback_network()), Recorder()
        dial = Dial(server.url("http")[:-1], {}, (), None, lambda: Request("GET", "/"))
        LongPoll(client, dial, recorder.listener).start()
        await recorder.ended.wait()
        client.close()
    assert "a response of more than" in recorder.ends[0][1]


HANDSHAKES = {
    "no answer": (drip(b"", b""), "TimeoutError"),
    "a slow upgrade": (drip(b"HTTP/1.1 101 Switching Protocols\r\n", b"X: 1\r\n"), "TimeoutError"),
    "headers without end": (
        forever(b"HTTP/1.1 101 Switching Protocols\r\n", b"X-A: aaaaaaaaaaaa\r\n" * 100),
        "max_size",
    ),
    "a refusal without end": (
        forever(b"HTTP/1.1 403 No\r\nContent-Length: 99999999999\r\n\r\n", BLOCK),
        "HTTP 403 aaa",
    ),
    "interim responses": (once(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "HTTP 100"),
    "an unknown status": (once(b"HTTP/1.1 999 What\r\n\r\n"), "999"),
    "binary garbage": (once(b"\x00\xff\xfe\r\n\r\n" * 100), "invalid"),
    "a redirect to no address": (
        once(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"),
        "Invalid IPv6 URL",
    ),
    "a redirect in a loop": (
        once(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"),
        "more than 5 redirects",
    ),
    "a wrong accept": (upgraded(b"", b"Sec-WebSocket-Accept: no\r\n"), ""),
    "a compression that was not offered": (
        upgraded(b"", b"Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        "extensions that were not offered: permessage-deflate",
    ),
    "a close": (close, "connection lost right after the handshake"),
}


@pytest.mark.parametrize("behaviour", HANDSHAKES)
async def test_a_handshake_ends_with_an_error(behaviour, monkeypatch):
    answer, text = HANDSHAKES[behaviour]
    limit_dials(monkeypatch, text)
    async with Hostile(answer) as server, asyncio.timeout(60):
        with pytest.raises(TransportError) as caught:
            await websocket.dial(
                loopback_network(), Dial(server.url("ws"), {}, (), None, None), Recorder().listener
            )
    assert text.lower() in str(caught.value).lower()


async def test_headers_of_any_bytes_are_no_reason_to_fail():
    async with Hostile(upgraded(b"", b"X: \xff\xe2\x82\xac\r\n")) as server:
        socket, response = await websocket.dial(
            loopback_network(), Dial(server.url("ws"), {}, (), None, None), Recorder().listener
        )
        socket.abort()
    assert "x" in response.headers


def frame(first, payload):
    """Return a WebSocket frame of a server."""
    return bytes([first, 127]) + len(payload).to_bytes(8) + payload


FRAMES = {
    "a reserved kind": (upgraded(b"\x83\x05abcde"), "opcode"),
    "a masked frame": (upgraded(b"\x81\x85maskabcde"), "masked"),
    "a ping of a megabyte": (upgraded(frame(0x89, b"a" * (1 << 20))), "payload size"),
    "a frame of 2^63 bytes": (upgraded(b"\x81\x7f" + ((1 << 63) + 5).to_bytes(8)), "length"),
    "a frame of 2^40 bytes": (upgraded(b"\x81\x7f" + (1 << 40).to_bytes(8)), "max"),
    "a reserved kind before a flood": (
        upgraded(b"\x83\x05abcde" + BLOCK * 100, times=200),
        "opcode",
    ),
    "half a close code": (upgraded(b"\x88\x01a"), "close code"),
}


@pytest.mark.parametrize("behaviour", FRAMES)
async def test_a_frame_that_is_none_ends_the_connection_with_the_reason(behaviour):
    """The frame may come together with the end of the handshake, or after it."""
    answer, text = FRAMES[behaviour]
    async with Hostile(answer) as server, asyncio.timeout(60):
        recorder = Recorder()
        dial = Dial(server.url("ws"), {}, (), None, None)
        with contextlib.suppress(TransportError):
            await websocket.dial(loopback_network(), dial, recorder.listener)
        await recorder.ended.wait()
    assert text in recorder.ends[0][1]
    assert len(recorder.ends) == 1


async def test_pings_of_a_server_that_reads_no_answer_end_the_connection(monkeypatch):
    monkeypatch.setattr(websocket, "UNREAD_BYTES_MAX", 1 << 20)
    pings = (b"\x89\x7d" + b"a" * 125) * 500
    async with (
        Hostile(upgraded(pings, times=2_000), reads=False) as server,
        asyncio.timeout(60),
    ):
        recorder = Recorder()
        await websocket.dial(
            loopback_network(), Dial(server.url("ws"), {}, (), None, None), recorder.listener
        )
        await recorder.ended.wait()
    assert "the server has not read" in recorder.ends[0][1]


async def test_pings_are_answered():
    pongs = asyncio.Queue()

    async def serve(reader, writer):
        with closing(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
            writer.write(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
            writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n\x89\x02hi")
            pong = await reader.readexactly(8)
            unmasked = bytes(a ^ b for a, b in zip(pong[6:], pong[2:], strict=False))
            pongs.put_nowait(pong[:2] + unmasked)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, asyncio.timeout(60):
        recorder = Recorder()
        await websocket.dial(loopback_network(), Dial(url, {}, (), None, None), recorder.listener)
        assert await pongs.get() == b"\x8a\x82hi"
        await recorder.ended.wait()


EVENT_STREAM = OK + b"Content-Type: text/event-stream\r\n\r\n"
STREAMS = {
    "data without end": (forever(EVENT_STREAM + b"data: ", BLOCK), "an event of more than"),
    "empty lines of data without end": (
        forever(EVENT_STREAM, b"data:\n" * 10_000),
        "an event of more than",
    ),
    "a trailer without end": (
        forever(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n: hi\n\r\n0\r\nX: ", BLOCK),
        "an event of more than",
    ),
}


@pytest.mark.parametrize("behaviour", STREAMS)
async def test_a_stream_ends_with_the_reason(behaviour):
    answer, text = STREAMS[behaviour]
    async with Hostile(answer) as server, asyncio.timeout(60):
        recorder = Recorder()
        dial = Dial(server.url("http")[:-1], {}, (), None, lambda: Request("GET", "/"))
        await event_stream.dial(loopback_network(), dial, recorder.listener)
        await recorder.ended.wait()
    assert text in recorder.ends[0][1]


STREAM_HEADS = {
    "a header without end": (forever(OK + b"X: ", BLOCK), "a head of more than"),
    "headers without end": (forever(OK, b"X-A: " + b"a" * 1000 + b"\r\n"), "more than"),
    "interim responses without end": (
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        "more than 20 interim responses",
    ),
    "a slow head": (drip(OK, b"X: 1\r\n"), "TimeoutError"),
    "a refusal without end": (
        forever(b"HTTP/1.1 403 No\r\nContent-Length: 99999999999\r\n\r\n", BLOCK),
        "HTTP 403 aaa",
    ),
    "another protocol": (once(b"SSH-2.0-OpenSSH_9.2\r\n"), "not HTTP"),
    "a redirect": (
        once(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"),
        "HTTP 302",
    ),
}


@pytest.mark.parametrize("behaviour", STREAM_HEADS)
async def test_a_stream_that_does_not_begin_ends_with_an_error(behaviour, monkeypatch):
    answer, text = STREAM_HEADS[behaviour]
    limit_dials(monkeypatch, text)
    async with Hostile(answer) as server, asyncio.timeout(60):
        dial = Dial(server.url("http")[:-1], {}, (), None, lambda: Request("GET", "/"))
        with pytest.raises(TransportError) as caught:
            await event_stream.dial(loopback_network(), dial, Recorder().listener)
    assert text in str(caught.value)


async def test_a_stream_begins_after_interim_responses():
    start = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + EVENT_STREAM + b"data: hi\n\n"
    async with Hostile(once(start)) as server, asyncio.timeout(60):
        recorder = Recorder()
        dial = Dial(server.url("http")[:-1], {}, (), None, lambda: Request("GET", "/"))
        stream, response = await event_stream.dial(loopback_network(), dial, recorder.listener)
        stream.abort()
        await recorder.ended.wait()
    assert (response.status, recorder.frames) == (200, [b"hi"])


class Broken(Framing):
    """Framing of an adapter that fails in the way of its data."""

    def feed(self, data):
        if data == b"deep":
            raise RecursionError("too deep")
        if data == b"wrong":
            raise ProtocolError("no frame")
        return ()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"deep", "RecursionError: too deep"),
        (b"wrong", "no frame"),
        (BLOCK * 200, "a frame of more than"),
    ],
)
async def test_bytes_without_frames_end_the_connection_with_the_reason(data, text):
    async with Hostile(once(data), greets=True) as server, asyncio.timeout(60):
        recorder = Recorder()
        dial = Dial(f"tcp://127.0.0.1:{server.port}", {}, (), Broken, None)
        await tcp.dial(loopback_network(), dial, recorder.listener)
        await recorder.ended.wait()
    assert text in recorder.ends[0][1]


async def test_a_server_that_does_not_read_ends_the_connection(monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.network.stream_wire.UNREAD_BYTES_MAX", 4 << 20)
    async with Hostile(once(b""), greets=True, reads=False) as server, asyncio.timeout(60):
        recorder = Recorder()
        dial = Dial(f"tcp://127.0.0.1:{server.port}", {}, (), Broken, None)
        made, _ = await tcp.dial(loopback_network(), dial, recorder.listener)
        for _ in range(400):
            made.send(BLOCK)
            await asyncio.sleep(0)
        await recorder.ended.wait()
    assert "the server has not read" in recorder.ends[0][1]
