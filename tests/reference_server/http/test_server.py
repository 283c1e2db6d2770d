"""The HTTP server against clients that are slow, come in crowds, or are on the line at the end."""

import asyncio
import contextlib
import json
import socket

import pytest

from gauntlet.reference_server.core.config import Config, Settings
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http import server as http_server
from gauntlet.reference_server.http.messages import reply
from gauntlet.reference_server.http.server import HEAD_BYTES_MAX, Connection, ServerState, listen

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"


class Served:
    """A server on a free port; `gate` holds back its answers while it is cleared."""

    def __init__(self, **settings):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
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
        self.asked = asyncio.Event()
        self.requests = []
        self._writers = []

    async def answer(self, request):
        """Answers when the gate is open."""
        self.asked.set()
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
async def served(**settings):
    """A server that runs until the block ends, if it was not stopped before."""
    one = Served(**settings)
    serving = asyncio.create_task(listen(one.answer, one.config, one.metrics, one.stop))
    try:
        yield one
    finally:
        one.stop.set()
        await one.close()
        await serving


class Transport:
    """Notes what is written, and how it ends: never by itself."""

    def __init__(self):
        self.written, self.did = b"", []

    def write(self, data):
        self.written += data

    def close(self):
        self.did.append("close")

    def abort(self):
        self.did.append("abort")

    def can_write_eof(self):
        return False

    pause_reading = resume_reading = can_write_eof


async def answers_to(*reads):
    """All answers to what comes in just these reads."""
    server, transport = Served(), Transport()
    connection = Connection(ServerState(server.answer, server.config, server.metrics))
    connection.connection_made(transport)
    for data in reads:
        connection.data_received(data)
        await asyncio.sleep(0.05)
    connection.connection_lost(None)
    return transport.written


async def exchange(connection, request=REQUEST):
    """The head and the decoded body of an answer."""
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return head, json.loads(await reader.readexactly(length))


async def flood(writer, data):
    """Write without end."""
    while True:
        writer.write(data)
        await writer.drain()


async def ends(reader):
    """Wait until the server closes."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(1024):
            pass


@pytest.mark.parametrize("trickle", [b"", b"\r\n", REQUEST[:9], POST, POST + b"x"])
async def test_a_request_that_does_not_arrive_ends_its_connection(trickle):
    """Nothing, half a head, half a body: each costs a connection for so long and no longer."""
    async with served(request_timeout_ms=100) as server:
        reader, writer = await server.connect()
        writer.write(trickle)
        async with asyncio.timeout(5):
            await ends(reader)
        assert server.metrics.counters["slow_requests_total"] == 1


async def test_a_request_of_which_only_a_part_follows_another_is_limited_too():
    """The clock starts with each request."""
    async with served(request_timeout_ms=100) as server:
        connection = await server.connect()
        connection[1].write(REQUEST[:5])
        await exchange(connection, REQUEST[5:] + REQUEST[:5])
        async with asyncio.timeout(5):
            await ends(connection[0])


async def test_a_slow_answer_is_not_a_slow_request():
    """Who has asked may wait."""
    async with served(request_timeout_ms=100) as server:
        server.gate.clear()
        asking = asyncio.create_task(exchange(await server.connect(), POST + b"{}"))
        await asyncio.sleep(1.5)
        server.gate.set()
        assert (await asking)[1] == {"read": 2}


async def test_an_idle_connection_is_kept():
    """Between two requests nothing is due."""
    async with served(request_timeout_ms=100) as server:
        connection = await server.connect()
        await exchange(connection)
        await asyncio.sleep(1.5)
        assert "200" in (await exchange(connection))[0]
        assert server.metrics.values()["connections"] == 1


async def test_one_connection_too_many_is_told_so():
    """503 in the protocol's form, before it asked; the others stay."""
    async with served(http_connections_max=2) as server:
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
    [b"nonsense\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"GET http://[ HTTP/1.1\r\n\r\n"],
)
async def test_what_is_no_http_is_a_bad_request(request_):
    """In the protocol's form, and the connection ends."""
    async with served() as server:
        connection = await server.connect()
        head, body = await exchange(connection, request_)
        assert "400" in head
        assert body["error"]["code"] == "bad_request"
        await ends(connection[0])


async def test_a_head_without_end_is_cut():
    """Headers are not kept for longer than a request of ours could need."""
    async with served() as server:
        reader, writer = await server.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * (2 * HEAD_BYTES_MAX))
        assert b" 400 " in await reader.readline()


async def test_a_head_that_comes_at_once_is_cut_too():
    """One read may bring far more than a head may have, its end included."""
    whole = REQUEST[:-2] + b"X-Long: " + b"x" * (3 * HEAD_BYTES_MAX) + b"\r\n\r\n"
    answers = await answers_to(whole)
    assert (answers.count(b" 400 "), answers.count(b" 200 ")) == (1, 0)


async def test_requests_before_a_part_are_none_of_its_head():
    """Many whole ones and the beginning of another in one read: all are answered."""
    whole = REQUEST[:-2] + b"X-Long: " + b"x" * 1000 + b"\r\n\r\n"
    answers = await answers_to(70 * whole + whole[:500], whole[500:])
    assert (answers.count(b" 400 "), answers.count(b" 200 ")) == (0, 71)


async def test_a_server_that_leaves_finishes_and_tells_the_others():
    """A call that runs is answered, one that comes meanwhile too; both are told to go."""
    async with served() as server:
        idle, busy = await server.connect(), await server.connect()
        await exchange(idle)
        server.gate.clear()
        server.asked.clear()
        running = asyncio.create_task(exchange(busy))
        await server.asked.wait()
        server.stop.set()
        await asyncio.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        server.gate.set()
        for head, _ in (await running, await exchange(idle)):
            assert "200" in head
            assert "connection: close" in head
        await asyncio.gather(ends(idle[0]), ends(busy[0]))


async def test_a_request_is_handed_over_whole_however_it_arrives():
    """Byte by byte or at once, in chunks or not: path, query, the headers that are ours, body."""
    head = b"POST /a%20b/c?a=1&b=%C3%BC HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\nX-Internal: x\r\n\r\n"
    async with served() as server:
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
        b"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;"
        + b"x" * (HEAD_BYTES_MAX + 8 * 100),
    ],
)
async def test_a_body_over_the_limit_is_refused_as_soon_as_it_is_known(request_):
    """413 by what the head says, or by what has come; what follows is no request."""
    async with served(body_bytes_max=100) as server:
        connection = await server.connect()
        head, body = await exchange(connection, request_)
        assert " 413 " in head
        assert "connection: close" in head
        assert body["error"]["code"] == "too_large"
        connection[1].write(b"x" * 10_000 + REQUEST)
        assert await connection[0].read() == b""
        assert server.requests == []


async def test_a_client_that_goes_on_sending_gets_the_refusal():
    """A reset could have cost him the answer."""
    async with served(body_bytes_max=100) as server:
        reader, writer = await server.connect()
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        for _ in range(10):
            writer.write(b"x" * 10_000)
            await writer.drain()
            await asyncio.sleep(0.01)
        assert " 413 " in (await exchange((reader, writer), b""))[0]


async def test_pipelined_requests_are_answered_in_order_and_one_at_a_time():
    """A hundred in one piece, a refused one at their end: as many answers, the refusal last."""
    async with served() as server:
        reader, writer = await server.connect()
        post = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b"
        posts = [post % (n, b"x" * n) for n in range(100)]
        writer.write(b"".join(posts) + b"nonsense\r\n\r\n")
        for number in range(100):
            assert (await exchange((reader, writer), b""))[1] == {"read": number}
        assert " 400 " in (await exchange((reader, writer), b""))[0]
        await ends(reader)


async def test_a_connection_is_not_read_on_while_requests_wait():
    """Who asks without reading answers fills his own buffers, not ours."""
    async with served() as server:
        server.gate.clear()
        reader, writer = await server.connect()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(writer, POST + b"{}" + b"\r\n" * 10_000), 0.5)
        await asyncio.sleep(0.1)
        assert writer.transport.get_write_buffer_size() > 0
        assert len(server.requests) == 1
        server.gate.set()
        assert (await exchange((reader, writer), b""))[1] == {"read": 2}


async def test_who_does_not_read_his_answers_is_cut_off():
    """No answer is made for him meanwhile, and after the time for a request he is gone."""
    async with served(request_timeout_ms=100) as server:
        _, writer = await server.connect()
        writer.transport.pause_reading()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(flood(writer, REQUEST * 100), 10)
        assert server.metrics.counters["slow_requests_total"] == 1
        writer.transport.abort()


@pytest.mark.parametrize("last", [REQUEST, REQUEST[:-2] + b"Connection: close\r\n\r\n"])
async def test_who_does_not_read_the_end_of_his_answers_is_cut_off_too(monkeypatch, last):
    """What is left is too little to choke on: a close that waits for him has an end."""
    monkeypatch.setattr(http_server, "KEEP_ALIVE_S", 0.1)
    server, transport = Served(request_timeout_ms=100), Transport()
    connection = Connection(ServerState(server.answer, server.config, server.metrics))
    connection.connection_made(transport)
    connection.data_received(last)
    await asyncio.sleep(0.01)
    now_s = asyncio.get_running_loop().time()
    connection.check(now_s)
    assert transport.did == ["close"]
    connection.check(now_s + 1)
    assert transport.did == ["close", "abort"]
    connection.connection_lost(None)


async def test_a_client_that_leaves_early_is_not_answered():
    """What it asked is done all the same, and nothing is left of the connection."""
    async with served() as server:
        server.gate.clear()
        _, writer = await server.connect()
        writer.write(POST + b"{}")
        await server.asked.wait()
        writer.close()
        await asyncio.sleep(0.1)
        assert server.metrics.values()["connections"] == 0
        server.gate.set()


async def test_the_client_says_when_a_connection_ends():
    """By its header, or by its version of the protocol."""
    for last in (REQUEST[:-2] + b"Connection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        async with served() as server:
            connection = await server.connect()
            await exchange(connection)
            head, _ = await exchange(connection, last + REQUEST)
            assert "connection: close" in head
            assert await connection[0].read() == b""
            assert len(server.requests) == 2


async def test_an_upgrade_is_not_offered():
    """The request is answered as any other, and what follows it is not read as one."""
    async with served() as server:
        connection = await server.connect()
        ask = REQUEST[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        head, _ = await exchange(connection, ask + REQUEST)
        assert " 200 " in head
        await ends(connection[0])
        assert len(server.requests) == 1


async def test_head_has_no_body_and_expectations_are_met():
    """The length is told without the body; a body is asked for if the client waits for that."""
    async with served() as server:
        reader, writer = await server.connect()
        writer.write(b"HEAD / HTTP/1.1\r\n\r\n")
        assert b"content-length: 10" in await reader.readuntil(b"\r\n\r\n")
        writer.write(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await exchange((reader, writer), b"{}"))[1] == {"read": 2}
