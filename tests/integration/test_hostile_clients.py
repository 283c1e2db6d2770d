"""Hostile clients get typed errors and close codes, and do not affect the other clients of an edge.

Ann and Bob are well-behaved users who exchange messages while Mallory misbehaves.
"""

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

from .clients import Client, wait_until

pytestmark = pytest.mark.integration

EDGE = "edge-blue-1"
USER_CONNECTIONS_MAX, EDGE_CONNECTIONS_MAX = 8, 40
CONFIG = {
    "user_connections_max": USER_CONNECTIONS_MAX,
    "edge_connections_max": EDGE_CONNECTIONS_MAX,
    "outbox_bytes": 65_536,
}
PING = '{"ping":{}}'
CONNECT = "connect"  # a step of the fuzz test, which sends Mallory's `connect` frame


@pytest.fixture(scope="module")
def server(cluster):
    """A whole reference server with one edge."""
    return cluster("embedded", edges=1, config=CONFIG)


@pytest.fixture(scope="module")
def runner():
    """One event loop for the module, on which Bob listens between the examples of a test."""
    with asyncio.Runner() as runner:
        yield runner


class Edge:
    """The edge as it can be observed from outside its process."""

    def __init__(self, server, http):
        row = server.components()[EDGE]
        self.server, self.http = server, http
        self.process = psutil.Process(row["pid"])
        self.address = row["address"]

    async def get(self, path):
        """Return the status and the text of an HTTP response."""
        async with self.http.get(f"http://{self.address}{path}") as answer:
            return answer.status, await answer.text()

    async def stats(self):
        """Return the figures that the edge reports."""
        return json.loads((await self.get("/healthz"))[1])

    async def wait_for_connections(self, connections):
        """Wait until the edge reports so many connections."""
        while (await self.stats())["connections"] != connections:
            await asyncio.sleep(0.05)

    def tcp_connections(self):
        """Return the number of accepted TCP connections that the process still holds."""
        port = int(self.address.rpartition(":")[2])
        sockets = self.process.net_connections("tcp")
        return sum(tcp.laddr.port == port and tcp.status != psutil.CONN_LISTEN for tcp in sockets)

    def assert_unharmed(self):
        """Assert that the process did not restart, and logged no error."""
        assert self.server.components()[EDGE]["restarts"] == 0
        assert self.process.is_running()
        log = self.server.log(EDGE)
        assert "Traceback" not in log, log
        assert '"ERROR"' not in log, log


class Scene:
    """Logged-in users: Bob listens and Ann sends, while Mallory misbehaves.

    At the end, Bob must have received every message once, in order and without a gap, and must be
    the only connected client.
    """

    def __init__(self, server):
        self._server = server

    async def __aenter__(self):
        tag = secrets.token_hex(3)
        self._http = aiohttp.ClientSession()
        self.edge = Edge(self._server, self._http)
        self.ann, self.bob, self.mallory = users = [
            Client(self._http, self._server.api[0], f"{name}-{tag}")
            for name in ("ann", "bob", "mallory")
        ]
        for user in users:
            await user.log_in()
        self.conv = f"d.{self.ann.user}.{self.bob.user}"
        self.sent = []
        self._online = self.bob.online()
        await self._online.__aenter__()
        return self

    async def send_next(self):
        """Let Ann send the next message to Bob."""
        self.sent.append(f"m{len(self.sent)}")
        await self.ann.send(self.conv, self.sent[-1])

    async def __aexit__(self, *_):
        await self.bob.wait_for(self.conv, self.sent)
        assert not any(frame.gap for frame in self.bob.received)
        async with asyncio.timeout(10):
            await self.edge.wait_for_connections(1)
        await self._online.__aexit__(None, None, None)
        await self._http.close()
        self.edge.assert_unharmed()


def connect_frame(client, **changes):
    """Return the `connect` frame of a client, with some of its fields changed."""
    content = {"token": client.token, "device": "d0", "cursors": {}, **changes}
    return json.dumps({"connect": content})


def dial(client):
    """Open a WebSocket to the edge without sending a frame."""
    return connect(client.url, subprotocols=["im.v1.json"], compression=None, ping_interval=None)


async def answer_to(client, *frames):
    """Send frames on a new connection; return the last error code and the close code."""
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
BAD_FRAMES = [  # frame, error code, close code
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


async def assert_bad_frames_are_refused(scene):
    """Send each bad frame on a separate connection, before and after the `connect` frame."""
    mallory = scene.mallory
    valid_connect = connect_frame(mallory)
    for frame, error, code in BAD_FRAMES:
        assert await answer_to(mallory, frame) == (error, code)
        await scene.send_next()
        assert await answer_to(mallory, valid_connect, frame) == (error, code)
    assert await answer_to(mallory, PING) == ("bad_request", 4500)
    assert await answer_to(mallory, valid_connect, valid_connect) == ("bad_request", 4500)
    wrong_device = connect_frame(mallory, device="d1")
    assert await answer_to(mallory, wrong_device) == ("unauthorized", 4501)
    wrong_token = connect_frame(scene.ann, token="x.y")
    assert await answer_to(mallory, wrong_token) == ("unauthorized", 4501)
    flood = [valid_connect, *[PING] * 1_500]
    assert await answer_to(mallory, *flood) == ("rate_limited", 4502)


async def assert_harmless_mistakes_are_ignored(scene):
    """Send frames about conversations of other users; the connection stays open."""
    async with scene.mallory.online():
        ws = scene.mallory.ws
        await ws.send(json.dumps({"ack": {"conv": scene.conv, "seq": 1}}))
        await ws.send(json.dumps({"ack": {"conv": "d.a.b", "seq": 2**62}}))
        await ws.send('{"enter":{"conv":"r.of-others"}}')
        await scene.send_next()
        await asyncio.sleep(0.5)
        assert scene.mallory.received == []
        assert scene.mallory.close_code is None


def test_every_bad_frame_gets_its_error_and_close_code(server, runner):
    async def play():
        async with Scene(server) as scene:
            await assert_bad_frames_are_refused(scene)
            await assert_harmless_mistakes_are_ignored(scene)

    runner.run(play())


def test_connections_are_limited_per_user_and_per_edge(server, runner):
    """Beyond the limits, a user is closed with 1013, and an upgrade is answered with 503."""

    async def play():
        async with Scene(server) as scene:
            mallory = scene.mallory
            sockets = [await dial(mallory) for _ in range(USER_CONNECTIONS_MAX)]
            for ws in sockets:
                await ws.send(connect_frame(mallory))
                await ws.recv()
            assert await answer_to(mallory, connect_frame(mallory)) == ("rate_limited", 1013)
            sockets[0].transport.abort()
            await scene.edge.wait_for_connections(USER_CONNECTIONS_MAX)
            sockets += [await dial(mallory)]
            await sockets[-1].send(connect_frame(mallory))
            assert decode_server(await sockets[-1].recv()).connected
            with pytest.raises(InvalidStatus) as caught:
                sockets += [await dial(mallory) for _ in range(EDGE_CONNECTIONS_MAX)]
            assert caught.value.response.status_code == 503
            assert "upgrades_refused_total 1" in (await scene.edge.get("/metrics"))[1]
            assert (await scene.edge.get("/readyz"))[0] == 200
            await scene.send_next()
            for ws in sockets:
                ws.transport.abort()

    runner.run(play())


async def open_tcp(scene, *parts):
    """Open a TCP connection to the edge and write some bytes."""
    address = urlsplit(scene.bob.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    for part in parts:
        writer.write(part)
    return reader, writer


def upgrade(scene):
    """Return the HTTP request that upgrades a TCP connection to a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    host = urlsplit(scene.bob.url).netloc
    head = f"GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    return f"{head}Sec-WebSocket-Protocol: im.v1.json\r\n\r\n".encode()


def text_frame(payload):
    """Return the bytes of a client's text frame, with a mask of zeros."""
    return b"\x81\xfe" + len(payload).to_bytes(2) + bytes(4) + payload


def test_a_client_that_never_completes_its_connect_frame_is_closed(server, runner):
    """Also one that sends no upgrade, half an upgrade or TLS; each within five seconds."""

    async def play():
        async with Scene(server) as scene:
            half_frame = text_frame(connect_frame(scene.mallory).encode())[:20]
            silent = [
                await open_tcp(scene),
                await open_tcp(scene, b"GET /v1/ws HT"),
                await open_tcp(scene, b"\x16\x03\x01 this is TLS\r\n\r\n"),
                await open_tcp(scene, upgrade(scene)),
                await open_tcp(scene, upgrade(scene), half_frame),
            ]
            await scene.send_next()
            async with asyncio.timeout(20):
                answers = [await reader.read() for reader, _ in silent]
            for _, writer in silent:
                writer.close()
            close_frame = b"\x88\x12" + (4010).to_bytes(2) + b"no connect frame"
            endings = [answer[-len(close_frame) :] for answer in answers[3:]]
            assert endings == [close_frame, close_frame]

    runner.run(play())


def test_a_client_that_does_not_read_is_closed_when_its_outbox_is_full(server, runner):
    """Its close code is 4008; all other clients continue to receive pushes without delay."""

    async def play():
        async with Scene(server) as scene:
            room = f"r.{scene.ann.user}"
            for user in (scene.ann, scene.bob, scene.mallory):
                await scene.ann.call("PUT", f"/v1/rooms/{room}/members/{user.user}")
            frame = text_frame(connect_frame(scene.mallory).encode())
            reader, writer = await open_tcp(scene, upgrade(scene), frame)
            writer.transport.pause_reading()
            await scene.edge.wait_for_connections(2)
            for number in range(30):  # 30 KB each, far more than all buffers on the way can hold
                await scene.ann.send(room, f"{number}:" + "x" * 30_000)
                await scene.send_next()
            writer.transport.resume_reading()
            async with asyncio.timeout(10):
                received = await reader.read()
            writer.close()
            assert received[-4:] == b"\x88\x02" + (4008).to_bytes(2)

    runner.run(play())


def test_a_client_that_pings_and_does_not_read_is_cut_off(server, runner):
    """The WebSocket library answers pings itself, and its answers must not accumulate."""

    async def play():
        async with Scene(server) as scene:
            frame = text_frame(connect_frame(scene.mallory).encode())
            _, writer = await open_tcp(scene, upgrade(scene), frame)
            writer.transport.pause_reading()
            await scene.edge.wait_for_connections(2)
            pings = (b"\x89\xfd" + bytes(4) + bytes(125)) * 1_000

            async def flood():
                while True:
                    writer.write(pings)
                    await writer.drain()

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(flood(), 5)  # before the next heartbeat of this client
            await scene.send_next()

    runner.run(play())


FRAMES = (
    st.sampled_from([PING, '{"pong":{}}', '{"enter":{"conv":"r.x"}}', '{"exit":{"conv":"r.x"}}'])
    | st.sampled_from(['{"ack":{"conv":"d.a.b","seq":3}}', '{"leave":{}}', CONNECT])
    | st.text(max_size=40)
    | st.binary(max_size=40)
)
RAW = st.binary(min_size=1, max_size=200).map(lambda data: ("raw", data))
STEPS = st.lists(FRAMES | RAW, max_size=12)


async def misbehave(scene, steps):
    """Send frames and raw bytes on one connection until it is closed, then abort it."""
    async with dial(scene.mallory) as ws:
        with suppress(ConnectionClosed):
            for step in steps:
                if step == CONNECT:
                    await ws.send(connect_frame(scene.mallory))
                elif isinstance(step, tuple):
                    ws.transport.write(step[1])
                else:
                    await ws.send(step)
        ws.transport.abort()


def test_random_frames_and_bytes_do_not_harm_the_edge(server, runner):
    """The process keeps running, logs no error, and leaks no connection."""
    scene = Scene(server)
    runner.run(scene.__aenter__())

    @settings(max_examples=120, database=None)
    @given(steps=STEPS, connects=st.booleans())
    def fuzz(steps, connects):
        runner.run(misbehave(scene, [CONNECT, *steps] if connects else steps))
        runner.run(scene.send_next())

    fuzz()
    runner.run(scene.__aexit__())
    leaked = "the edge still holds a TCP connection"
    runner.run(wait_until(lambda: scene.edge.tcp_connections() == 0, message=leaked))
