"""An edge among hostile clients: typed refusals, caps, and nobody else's trouble."""

import asyncio
import base64
import json
import os
import secrets
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gauntlet.reference_server.core.wire import FRAME_BYTES_MAX, decode_server

from .clients import Client, until

pytestmark = pytest.mark.integration

EDGE = "edge-blue-1"
OF_ONE_USER, OF_ALL = 8, 40
CONFIG = {
    "user_connections_max": OF_ONE_USER,
    "edge_connections_max": OF_ALL,
    "outbox_bytes": 65_536,
}
PING = '{"ping":{}}'


@pytest.fixture(scope="module")
def server(cluster):
    """A whole server with one edge."""
    return cluster("embedded", edges=1, config=CONFIG)


@pytest.fixture(scope="module")
def runner():
    """One event loop for the module: the bystander listens on it between the examples."""
    with asyncio.Runner() as runner:
        yield runner


class Edge:
    """What is known of the edge from outside."""

    def __init__(self, server, http):
        row = server.components()[EDGE]
        self.server, self.http = server, http
        self.process = psutil.Process(row["pid"])
        self.address = row["address"]

    async def get(self, path):
        """What it answers to plain HTTP."""
        async with self.http.get(f"http://{self.address}{path}") as answer:
            return answer.status, await answer.text()

    async def stats(self):
        """Its own numbers."""
        return json.loads((await self.get("/healthz"))[1])

    async def settles(self, connections):
        """Until it holds so many connections."""
        while (await self.stats())["connections"] != connections:
            await asyncio.sleep(0.05)

    def tcp_connections(self):
        """How many TCP connections it has accepted and not let go of."""
        port = int(self.address.rpartition(":")[2])
        held = [one for one in self.process.net_connections("tcp") if one.laddr.port == port]
        return sum(one.status != psutil.CONN_LISTEN for one in held)

    def assert_unharmed(self):
        """The same process, and nothing in its log that a defect leaves there."""
        assert self.server.components()[EDGE]["restarts"] == 0
        assert self.process.is_running()
        log = self.server.log(EDGE)
        assert "Traceback" not in log, log
        assert '"ERROR"' not in log, log


class Scene:
    """Bob listens and Ann sends, whatever Mallory does meanwhile."""

    def __init__(self, server):
        self._server = server

    async def __aenter__(self):
        tag = secrets.token_hex(3)
        self._http = aiohttp.ClientSession()
        self.edge = Edge(self._server, self._http)
        users = [Client(self._http, self._server.api[0], f"{n}-{tag}") for n in ("ann", "bob")]
        self.ann, self.bob = users
        self.mallory = Client(self._http, self._server.api[0], f"mallory-{tag}")
        for user in (*users, self.mallory):
            await user.log_in()
        self.conv = f"d.{self.ann.user}.{self.bob.user}"
        self.sent = []
        self._online = self.bob.online()
        await self._online.__aenter__()
        return self

    async def talk(self):
        """One more message for the bystander."""
        self.sent.append(f"m{len(self.sent)}")
        await self.ann.send(self.conv, self.sent[-1])

    async def __aexit__(self, *_):
        """Bob has got everything, once, in order and without a gap, and alone is left."""
        await self.bob.wait_for(self.conv, self.sent)
        assert not any(frame.gap for frame in self.bob.got)
        async with asyncio.timeout(10):
            await self.edge.settles(connections=1)
        await self._online.__aexit__(None, None, None)
        await self._http.close()
        self.edge.assert_unharmed()


def hello(client, **other):
    """A client's first frame."""
    content = {"token": client.token, "device": "d0", "cursors": {}, **other}
    return json.dumps({"connect": content})


def dial(client):
    """A WebSocket to the edge; nothing has been said on it."""
    return connect(client.url, subprotocols=["im.v1.json"], compression=None, ping_interval=None)


async def answer_to(client, *frames):
    """Say these; the code of the last `error` frame, and the close code."""
    error = None
    async with dial(client) as ws:
        with suppress(ConnectionClosed):
            for frame in frames:
                await ws.send(frame, text=frame is NOT_UTF8 or None)
            async for data in ws:
                error = decode_server(data).error or error
        await ws.wait_closed()
    return error and error.code, ws.close_code


NOT_UTF8 = b'{"ping":{"\xff":1}}'
LATE = [
    ("", "bad_request", 4500),
    ("[]", "bad_request", 4500),
    ('{"pong":{},"ping":{}}', "bad_request", 4500),
    ('{"shout":{}}', "bad_request", 4500),
    ('{"ack":{"conv":"d.a.b","seq":"1"}}', "bad_request", 4500),
    ('{"ack":{"conv":"d.a.b","seq":-1}}', "bad_request", 4500),
    ('{"enter":{"conv":"d.a.b"}}', "bad_request", 4500),
    ('{"enter":{"conv":"r.a b"}}', "bad_request", 4500),
    ('{"ping":{"x":' + "[" * 100_000, "bad_request", 4500),
    (PING.encode(), "bad_request", 4500),
    (NOT_UTF8, None, 1007),
    ("x" * (FRAME_BYTES_MAX + 1), None, 1009),
]


async def refusals(scene):
    """Each bad frame on a connection of its own, before and after `connect`."""
    mallory = scene.mallory
    for frame, error, code in LATE:
        assert await answer_to(mallory, frame) == (error, code)
        await scene.talk()
        assert await answer_to(mallory, hello(mallory), frame) == (error, code)
    assert await answer_to(mallory, PING) == ("bad_request", 4500)
    assert await answer_to(mallory, hello(mallory), hello(mallory)) == ("bad_request", 4500)
    assert await answer_to(mallory, hello(mallory, device="d1")) == ("unauthorized", 4501)
    assert await answer_to(mallory, hello(scene.ann, token="x.y")) == ("unauthorized", 4501)
    flood = [hello(mallory), *[PING] * 1_500]
    assert await answer_to(mallory, *flood) == ("rate_limited", 4502)


async def harmless(scene):
    """What a client may be wrong about without being cut off."""
    async with scene.mallory.online():
        ws = scene.mallory.ws
        await ws.send(json.dumps({"ack": {"conv": scene.conv, "seq": 1}}))
        await ws.send(json.dumps({"ack": {"conv": "d.a.b", "seq": 2**62}}))
        await ws.send('{"enter":{"conv":"r.of-others"}}')
        await scene.talk()
        await asyncio.sleep(0.5)
        assert scene.mallory.got == []
        assert scene.mallory.closed is None


def test_every_bad_frame_has_its_answer(server, runner):
    """A typed error and a close code, and the bystander hears everything."""

    async def play():
        async with Scene(server) as scene:
            await refusals(scene)
            await harmless(scene)

    runner.run(play())


def test_connections_are_capped_for_one_user_and_for_all(server, runner):
    """One too many of a user is closed 1013; a full edge answers 503 and still says how it is."""

    async def play():
        async with Scene(server) as scene:
            mallory = scene.mallory
            sockets = [await dial(mallory) for _ in range(OF_ONE_USER)]
            for ws in sockets:
                await ws.send(hello(mallory))
                await ws.recv()
            assert await answer_to(mallory, hello(mallory)) == ("rate_limited", 1013)
            sockets[0].transport.abort()
            await scene.edge.settles(OF_ONE_USER)
            sockets += [await dial(mallory)]
            await sockets[-1].send(hello(mallory))
            assert decode_server(await sockets[-1].recv()).connected
            with pytest.raises(InvalidStatus) as caught:
                sockets += [await dial(mallory) for _ in range(OF_ALL)]
            assert caught.value.response.status_code == 503
            assert "upgrades_refused_total 1" in (await scene.edge.get("/metrics"))[1]
            assert (await scene.edge.get("/readyz"))[0] == 200
            await scene.talk()
            for ws in sockets:
                ws.transport.abort()

    runner.run(play())


async def raw(scene, *parts):
    """A TCP connection to the edge on which some bytes were written."""
    address = urlsplit(scene.bob.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for part in parts:
        writer.write(part)
    return reader, writer


def upgrade(scene):
    """The request that makes a TCP connection a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    host = urlsplit(scene.bob.url).netloc
    head = f"GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    return f"{head}Sec-WebSocket-Protocol: im.v1.json\r\n\r\n".encode()


def masked(payload):
    """A client's text frame, with a mask of zeros."""
    return b"\x81\xfe" + len(payload).to_bytes(2) + bytes(4) + payload


def test_who_says_nothing_or_half_of_it_is_cut_off(server, runner):
    """No upgrade, half an upgrade, no `connect`, half a frame: five seconds each at most."""

    async def play():
        async with Scene(server) as scene:
            half = masked(hello(scene.mallory).encode())[:20]
            silent = [
                await raw(scene),
                await raw(scene, b"GET /v1/ws HT"),
                await raw(scene, b"\x16\x03\x01 this is TLS\r\n\r\n"),
                await raw(scene, upgrade(scene)),
                await raw(scene, upgrade(scene), half),
            ]
            await scene.talk()
            async with asyncio.timeout(20):
                answers = [await reader.read() for reader, _ in silent]
            for _, writer in silent:
                writer.close()
            told = b"\x88\x12" + (4010).to_bytes(2) + b"no connect frame"
            assert [answer[-len(told) :] for answer in answers[3:]] == [told, told]

    runner.run(play())


def test_who_does_not_read_is_closed_at_the_cap(server, runner):
    """4008 for him once the buffers are full; everybody else is pushed to at once."""

    async def play():
        async with Scene(server) as scene:
            room = f"r.{scene.ann.user}"
            for user in (scene.ann, scene.bob, scene.mallory):
                await scene.ann.call("PUT", f"/v1/rooms/{room}/members/{user.user}")
            reader, writer = await raw(scene, upgrade(scene), masked(hello(scene.mallory).encode()))
            writer.transport.pause_reading()
            await scene.edge.settles(connections=2)
            for number in range(30):  # 30 KB each: far more than all buffers on the way
                await scene.ann.send(room, f"{number}:" + "x" * 30_000)
                await scene.talk()
            writer.transport.resume_reading()
            async with asyncio.timeout(10):
                said = await reader.read()
            writer.close()
            assert said[-4:] == b"\x88\x02" + (4008).to_bytes(2)

    runner.run(play())


def test_who_pings_and_does_not_read_is_cut_off(server, runner):
    """The WebSocket layer answers pings by itself; its answers must not pile up for ever."""

    async def play():
        async with Scene(server) as scene:
            _, writer = await raw(scene, upgrade(scene), masked(hello(scene.mallory).encode()))
            writer.transport.pause_reading()
            await scene.edge.settles(connections=2)
            pings = (b"\x89\xfd" + bytes(4) + bytes(125)) * 1_000

            async def flood():
                while True:
                    writer.write(pings)
                    await writer.drain()

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(flood(), 5)  # before any heartbeat looks at him
            await scene.talk()

    runner.run(play())


FRAMES = (
    st.sampled_from([PING, '{"pong":{}}', '{"enter":{"conv":"r.x"}}', '{"exit":{"conv":"r.x"}}'])
    | st.sampled_from(['{"ack":{"conv":"d.a.b","seq":3}}', '{"leave":{}}', "hello"])
    | st.text(max_size=40)
    | st.binary(max_size=40)
)
RAW = st.binary(min_size=1, max_size=200).map(lambda data: ("raw", data))
STEPS = st.lists(FRAMES | RAW, max_size=12)


async def misbehave(scene, steps):
    """Say all this on one connection, as far as it lasts, then vanish."""
    async with dial(scene.mallory) as ws:
        with suppress(ConnectionClosed):
            for step in steps:
                if step == "hello":
                    await ws.send(hello(scene.mallory))
                elif isinstance(step, tuple):
                    ws.transport.write(step[1])
                else:
                    await ws.send(step)
        ws.transport.abort()


def test_whatever_is_said_harms_nobody(server, runner):
    """Random frames, valid, damaged and raw: the process lives, its log is clean, nothing leaks."""
    scene = Scene(server)
    runner.run(scene.__aenter__())

    @settings(max_examples=120, database=None)
    @given(steps=STEPS, greets=st.booleans())
    def fuzz(steps, greets):
        runner.run(misbehave(scene, ["hello", *steps] if greets else steps))
        runner.run(scene.talk())

    fuzz()
    runner.run(scene.__aexit__())
    runner.run(until(lambda: scene.edge.tcp_connections() == 0, what="a connection leaked"))
