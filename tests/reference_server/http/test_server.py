"""The HTTP server with slow clients, many clients, and clients connected at shutdown."""

import asyncio
import contextlib
import json

import pytest

from gauntlet.reference_server.core.config import Config, Settings
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http import server as http_server
from gauntlet.reference_server.http.messages import reply
from gauntlet.reference_server.http.server import (
    HEAD_BYTES_MAX,
    Connection,
    Listener,
    ServerState,
    listen,
)
from gauntlet.stacks.free_port import free_port

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"


class RunningServer:
    """A server on a free port; `gate` holds back its answers while it is cleared."""

    def __init__(self, **settings):
        self.port = free_port()
        self.config = Config(
            name="x",
            services=("room",),
            port=self.port,
            secret="s",
            internal_token="t",
            settings=Settings(**settings),
        )
        self.metrics, self.stop, self.gate = Metrics(), asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.received = asyncio.Event()
        self.requests = []
        self._writers = []

    async def answer(self, request):
        """Answers when the gate is open."""
        self.received.set()
        self.requests.append(request)
        await self.gate.wait()
        return reply({"read": len(request.body)})

    async def connect(self):
        """A connection, once the server listens."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
            else:
                self._writers.append(writer)
                return reader, writer

    async def close(self):
        """End the connections."""
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def running_server(**settings):
    """A server that runs until the block ends, unless it is stopped earlier."""
    server = RunningServer(**settings)
    serving = asyncio.create_task(
        listen(
            [Listener(server.config.port, server.answer)],
            server.config,
            server.metrics,
            server.stop,
        )
    )
    try:
        yield server
    finally:
        server.stop.set()
        await server.close()
        await serving


class Transport:
    """Records what is written and how it is closed; never closes by itself."""

    def __init__(self):
        self.written, self.actions = b"", []

    def write(self, data):
        self.written += data

    def close(self):
        self.actions.append("close")

    def abort(self):
        self.actions.append("abort")

    def can_write_eof(self):
        return False

    pause_reading = resume_reading = can_write_eof


async def iterations(number):
    """Let the loop go on for so many iterations, however long they take."""
    for _ in range(number):
        await asyncio.sleep(0)


async def answers_to(*reads):
    """Return all responses to data that arrives in exactly these reads, which are answered."""
    server, transport = RunningServer(), Transport()
    connection = Connection(ServerState(server.config, server.metrics), server.answer)
    connection.connection_made(transport)
    for data in reads:
        connection.data_received(data)
        await iterations(20)
    await iterations(1000)
    connection.connection_lost(None)
    return transport.written


async def exchange(connection, request=REQUEST):
    """Send a request; return the head and the decoded body of the response."""
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return head, json.loads(await reader.readexactly(length))


FLOOD_BYTES_MAX = 1 << 26  # far more than the buffers of both sockets hold


async def flood(writer, data):
    """Write until the other side has read far more than its buffers hold."""
    for _ in range(FLOOD_BYTES_MAX // len(data)):
        writer.write(data)
        await writer.drain()


async def closes(reader):
    """Wait until the server closes the connection."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(1024):
            pass


@pytest.mark.parametrize("trickle", [b"", b"\r\n", REQUEST[:9], POST, POST + b"x"])
async def test_an_incomplete_request_is_closed_after_the_time_limit(trickle):
    """Nothing, a partial head or a partial body."""
    async with running_server(request_timeout_ms=100) as server:
        reader, writer = await server.connect()
        writer.write(trickle)
        async with asyncio.timeout(30):
            await closes(reader)
        assert server.metrics.counters["slow_requests_total"] == 1


async def test_the_time_limit_applies_to_every_request_of_a_connection():
    async with running_server(request_timeout_ms=500) as server:
        connection = await server.connect()
        connection[1].write(REQUEST[:5])
        await exchange(connection, REQUEST[5:] + REQUEST[:5])
        async with asyncio.timeout(30):
            await closes(connection[0])


async def test_a_slow_response_is_not_a_slow_request():
    async with running_server(request_timeout_ms=500) as server:
        server.gate.clear()
        asking = asyncio.create_task(exchange(await server.connect(), POST + b"{}"))
        await asyncio.sleep(2.5)
        server.gate.set()
        assert (await asking)[1] == {"read": 2}


async def test_an_idle_connection_stays_open():
    async with running_server(request_timeout_ms=500) as server:
        connection = await server.connect()
        await exchange(connection)
        await asyncio.sleep(2.5)
        assert "200" in (await exchange(connection))[0]
        assert server.metrics.values()["connections"] == 1


async def test_a_connection_over_the_limit_is_refused_with_503():
    """The other connections stay."""
    async with running_server(http_connections_max=2) as server:
        kept = [await server.connect(), await server.connect()]
        await asyncio.gather(*map(exchange, kept))
        head, body = await exchange(await server.connect(), b"")
        assert "503" in head
        assert "retry-after: 1" in head
        assert body["error"]["code"] == "unavailable"
        assert server.metrics.counters["connections_refused_total"] == 1
        assert "200" in (await exchange(kept[0]))[0]


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Internal: a\r\nX-Internal: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    ],
)
async def test_malformed_http_is_a_bad_request_and_closes_the_connection(request_):
    async with running_server() as server:
        connection = await server.connect()
        head, body = await exchange(connection, request_)
        assert "400" in head
        assert body["error"]["code"] == "bad_request"
        await closes(connection[0])


async def test_http_1_0_needs_no_host():
    async with running_server() as server:
        head, _ = await exchange(await server.connect(), b"GET / HTTP/1.0\r\n\r\n")
        assert " 200 " in head


def head_of(size, line=b"GET / HTTP/1.1\r\nHost: x\r\n", filler=b"X-Long: x\r\n"):
    """Return a head of exactly so many bytes, which is filled with `filler`."""
    rest, end = b"X-Rest: ", b"\r\n\r\n"
    count, missing = divmod(size - len(line + rest + end), len(filler))
    return line + filler * count + rest + b"x" * missing + end


def pieces(data, size):
    """Split data into reads of so many bytes."""
    return [data[start : start + size] for start in range(0, len(data), size)]


# How the limit could be passed by: with one long value, by names and separators, by white space
# that the parser drops, or by a long path.
HEADS = {
    "one long header": {"filler": b"x", "line": b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "},
    "many short headers": {"filler": b"a:\r\n"},
    "white space": {"filler": b" ", "line": b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "},
    "a long path": {
        "line": b"GET /" + b"x" * 65_000 + b" HTTP/1.1\r\nHost: x\r\n",
        "filler": b"a:\r\n",
    },
}
# One read; the usual ones; ones that split the empty line at its end in each way.
SPLITS = (1 << 20, 16_384, 65_535, 65_534, 65_533, 1000)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("split", SPLITS)
async def test_the_limit_of_the_head_is_exact_however_it_arrives(kind, split):
    """Also behind a request in the same read, and with one behind it."""
    for before in (b"", REQUEST, POST + b"{}"):
        longest = before + head_of(HEAD_BYTES_MAX, **HEADS[kind])
        accepted = await answers_to(*pieces(longest + REQUEST, split))
        assert accepted.count(b" 200 ") == 2 + bool(before)
        assert b" 431 " not in accepted
        too_long = before + head_of(HEAD_BYTES_MAX + 1, **HEADS[kind])
        refused = await answers_to(*pieces(too_long + REQUEST, split))
        assert (refused.count(b" 200 "), refused.count(b" 431 ")) == (bool(before), 1)


def test_the_heads_of_the_tests_have_the_size_that_they_should_have():
    for kind in HEADS.values():
        assert len(head_of(HEAD_BYTES_MAX, **kind)) == HEAD_BYTES_MAX


@pytest.mark.parametrize("end", [b"x", b"\r\n\r\n"])
@pytest.mark.parametrize("split", [1 << 20, 16_384, 1000])
async def test_a_head_without_end_is_refused_at_the_byte_that_passes_the_limit(end, split):
    """The server waits for more until then; the last read may also end the head."""
    begun = head_of(2 * HEAD_BYTES_MAX)[: HEAD_BYTES_MAX + 1 - len(end)]
    assert await answers_to(*pieces(begun, split)) == b""
    refused = await answers_to(*pieces(begun, split), end)
    assert (refused.count(b" 431 "), refused.count(b" 200 ")) == (1, 0)


async def test_a_head_that_is_too_long_is_a_clear_refusal_and_closes_the_connection():
    async with running_server() as server:
        connection = await server.connect()
        head, body = await exchange(connection, head_of(HEAD_BYTES_MAX + 1) + REQUEST)
        assert " 431 " in head
        assert "connection: close" in head
        assert body["error"]["code"] == "head_too_large"
        assert body["error"]["message"] == "the head of a request may have at most 65536 bytes"
        assert await connection[0].read() == b""
        assert server.requests == []


async def test_empty_lines_before_a_request_count_as_its_head():
    """Otherwise a client could send them for ever."""
    lines = b"\r\n" * 1000
    assert b" 200 " in await answers_to(lines + head_of(HEAD_BYTES_MAX - len(lines)))
    assert b" 431 " in await answers_to(lines + head_of(HEAD_BYTES_MAX - len(lines) + 1))


async def test_bodies_do_not_count_as_a_head():
    """Neither their own, nor the next one's, wherever the reads end."""
    chunk = b"8\r\n\r\n\r\n\r\n\r\n\r\n"
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Long: "
    chunked += b"x" * (HEAD_BYTES_MAX - len(chunked) - 4) + b"\r\n\r\n"
    chunked += 2 * chunk + b"0\r\nX-Trailer: x\r\n\r\n"
    longest = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n"
    longest = head_of(HEAD_BYTES_MAX, longest) + b"\r\n\r\n" * 15_000
    whole = chunked + longest + chunked + head_of(HEAD_BYTES_MAX)
    for split in (1 << 20, 65_535, 65_534, 65_533, 997):
        answers = await answers_to(*pieces(whole, split))
        assert answers.count(b" 200 ") == 4
        assert [answers.count(b'"read":%d' % size) for size in (16, 60_000, 0)] == [2, 1, 1]


async def test_pipelined_requests_do_not_count_as_the_head_of_the_next_one():
    whole = REQUEST[:-2] + b"X-Long: " + b"x" * 1000 + b"\r\n\r\n"
    answers = await answers_to(70 * whole + whole[:500], whole[500:])
    assert (answers.count(b" 400 "), answers.count(b" 200 ")) == (0, 71)


async def refuses(port):
    """Wait until nothing listens on a port."""
    with contextlib.suppress(ConnectionRefusedError):
        async with asyncio.timeout(30):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await asyncio.sleep(0.01)


async def test_a_shutdown_finishes_running_calls_and_announces_the_close():
    async with running_server() as server:
        idle, busy = await server.connect(), await server.connect()
        await exchange(idle)
        server.gate.clear()
        server.received.clear()
        running = asyncio.create_task(exchange(busy))
        await server.received.wait()
        server.stop.set()
        await refuses(server.port)
        server.gate.set()
        for head, _ in (await running, await exchange(idle)):
            assert "200" in head
            assert "connection: close" in head
        await asyncio.gather(closes(idle[0]), closes(busy[0]))


async def test_a_request_is_complete_however_it_arrives():
    """In one piece, in chunks or byte by byte."""
    head = b"POST /a%20b/c?a=1&b=%C3%BC HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\nX-Internal: x\r\n\r\n"
    async with running_server() as server:
        reader, writer = await server.connect()
        whole = head + b"Content-Length: 4\r\n\r\nabcd"
        assert (await exchange((reader, writer), whole))[1] == {"read": 4}
        assert (await exchange((reader, writer), head + chunked))[1] == {"read": 4}
        for byte in whole[:-1]:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await exchange((reader, writer), whole[-1:]))[1] == {"read": 4}
        for request in server.requests:
            assert (request.method, request.path, request.body) == ("POST", "/a b/c", b"abcd")
            assert request.query == {"a": "1", "b": "ü"}
            assert request.headers["authorization"] == "Bearer t"
            assert "x-internal" not in request.headers


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;"
        + b"x" * (HEAD_BYTES_MAX + 8 * 100),
    ],
)
async def test_a_body_over_the_limit_is_refused_as_early_as_possible(request_):
    """By its declared or its received length; what follows is not read as a request."""
    async with running_server(body_bytes_max=100) as server:
        connection = await server.connect()
        head, body = await exchange(connection, request_)
        assert " 413 " in head
        assert "connection: close" in head
        assert body["error"]["code"] == "too_large"
        connection[1].write(b"x" * 10_000 + REQUEST)
        assert await connection[0].read() == b""
        assert server.requests == []


async def test_a_client_that_keeps_sending_receives_the_refusal():
    """A reset could discard the response on its way."""
    async with running_server(body_bytes_max=100) as server:
        reader, writer = await server.connect()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(10):
            writer.write(b"x" * 10_000)
            await writer.drain()
            await asyncio.sleep(0.01)
        assert " 413 " in (await exchange((reader, writer), b""))[0]


async def test_pipelined_requests_are_answered_in_order():
    """A hundred in one piece, and a malformed one at the end."""
    async with running_server() as server:
        reader, writer = await server.connect()
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
        posts = [post % (n, b"x" * n) for n in range(100)]
        writer.write(b"".join(posts) + b"nonsense\r\n\r\n")
        for number in range(100):
            assert (await exchange((reader, writer), b""))[1] == {"read": number}
        assert " 400 " in (await exchange((reader, writer), b""))[0]
        await closes(reader)


async def test_reading_pauses_while_requests_wait():
    """Otherwise a client that sends without reading would fill the server's memory."""
    async with running_server() as server:
        server.gate.clear()
        reader, writer = await server.connect()
        flooding = asyncio.create_task(flood(writer, POST + b"{}" + b"\r\n" * 10_000))
        async with asyncio.timeout(30):
            while not writer.transport.get_write_buffer_size():
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert not flooding.done()
        flooding.cancel()
        assert writer.transport.get_write_buffer_size() > 0
        assert len(server.requests) == 1
        server.gate.set()
        assert (await exchange((reader, writer), b""))[1] == {"read": 2}


async def test_a_client_that_does_not_read_responses_is_disconnected():
    async with running_server(request_timeout_ms=100) as server:
        _, writer = await server.connect()
        writer.transport.pause_reading()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(flood(writer, REQUEST * 100), 60)
        assert server.metrics.counters["slow_requests_total"] == 1
        writer.transport.abort()


@pytest.mark.parametrize("last", [REQUEST, REQUEST[:-2] + b"Connection: close\r\n\r\n"])
async def test_a_client_that_does_not_read_the_last_response_is_disconnected(monkeypatch, last):
    """The remaining data is too little to block writing; the wait for the close is limited."""
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 1.0)
    server, transport = RunningServer(request_timeout_ms=60_000), Transport()
    connection = Connection(ServerState(server.config, server.metrics), server.answer)
    connection.connection_made(transport)
    connection.data_received(last)
    await iterations(100)
    now_s = asyncio.get_running_loop().time()
    connection.check(now_s + 10)
    assert transport.actions == ["close"]
    connection.check(now_s + 100)
    assert transport.actions == ["close", "abort"]
    connection.connection_lost(None)


async def test_a_client_that_disconnects_early_leaves_nothing_behind():
    async with running_server() as server:
        server.gate.clear()
        _, writer = await server.connect()
        writer.write(POST + b"{}")
        await server.received.wait()
        writer.close()
        async with asyncio.timeout(30):
            while server.metrics.values()["connections"]:
                await asyncio.sleep(0.01)
        server.gate.set()


async def test_the_client_decides_when_the_connection_closes():
    """By the header or by the HTTP version."""
    for last in (REQUEST[:-2] + b"Connection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        async with running_server() as server:
            connection = await server.connect()
            await exchange(connection)
            head, _ = await exchange(connection, last + REQUEST)
            assert "connection: close" in head
            assert await connection[0].read() == b""
            assert len(server.requests) == 2


async def test_an_upgrade_request_is_answered_as_usual():
    """The data after it is not read as a request."""
    async with running_server() as server:
        connection = await server.connect()
        upgrade = REQUEST[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        head, _ = await exchange(connection, upgrade + REQUEST)
        assert " 200 " in head
        await closes(connection[0])
        assert len(server.requests) == 1


async def test_head_has_no_body_and_expect_continue_is_answered():
    async with running_server() as server:
        reader, writer = await server.connect()
        writer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"content-length: 10" in await reader.readuntil(b"\r\n\r\n")
        writer.write(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await exchange((reader, writer), b"{}"))[1] == {"read": 2}
