"""The HTTP server against clients that are slow, come in crowds, or are on the line at the end."""

import asyncio
import contextlib
import json
import socket

import pytest

from reference_server.asgi import App, reply
from reference_server.config import Config, Settings
from reference_server.http_server import HEAD_BYTES_MAX, listen
from reference_server.metrics import Metrics

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
        self._writers = []

    async def answer(self, request):
        """Answers when the gate is open."""
        self.asked.set()
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
    app = App(one.answer, one.config.settings.body_bytes_max)
    serving = asyncio.create_task(listen(app, one.config, one.metrics, one.stop))
    try:
        yield one
    finally:
        one.stop.set()
        await one.close()
        await serving


async def exchange(connection, request=REQUEST):
    """The head and the decoded body of an answer."""
    reader, writer = connection
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return head, json.loads(await reader.readexactly(length))


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
