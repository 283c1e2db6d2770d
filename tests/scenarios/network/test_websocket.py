"""The transport `websocket`: handshakes, headers, text and binary messages, limits."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import serve

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.base import Binary
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.websocket import dial
from gauntlet.scenarios.network.wire import Listener, Network, TransportError, loopback_network

from ..raw_server import Server, reply


class Heard:
    """What a listener was passed."""

    def __init__(self):
        self.frames, self.closed = [], []
        self.listener = Listener(
            self.frames.append, print, lambda code, reason: self.closed.append((code, reason))
        )


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def served(handler, **options):
    async with serve(handler, "127.0.0.1", 0, compression=None, **options) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_websocket_to_a_host_that_is_not_allowed_is_not_dialled():
    """The address may come from a login answer."""
    with pytest.raises(ConfigError):
        await dial(loopback_network(), Dial("ws://10.1.2.3:9/v1/ws"), Heard().listener)


async def test_a_failed_handshake_names_the_status_and_the_reason():
    async with Server(reply("not today", "503 X")) as server:
        url = server.url.replace("http", "ws")
        with pytest.raises(TransportError, match="HTTP 503 not today"):
            await dial(loopback_network(), Dial(url), Heard().listener)


async def test_the_handshake_carries_headers_and_subprotocols():
    seen = []

    async def handler(socket):
        seen.append(socket.request)
        await socket.wait_closed()

    async with served(handler, subprotocols=["v2"]) as url:
        plain = loopback_network()
        network = Network(plain.hosts, plain.tls, {"Origin": "https://a", "X-Tenant": "t"})
        request = Dial(f"{url}/ws?token=x", {"Cookie": "s=1"}, ("v1", "v2"))
        socket, response = await dial(network, request, Heard().listener)
        socket.close()
    async with served(handler) as url:
        bare, _ = await dial(plain, Dial(url), Heard().listener)
        bare.close()
    first, second = seen
    assert first.path == "/ws?token=x"
    assert first.headers["Origin"] == "https://a"
    assert first.headers["X-Tenant"] == "t"
    assert first.headers["Cookie"] == "s=1"
    assert first.headers["Sec-WebSocket-Protocol"] == "v1, v2"
    assert response.headers["sec-websocket-protocol"] == "v2"
    assert "Sec-WebSocket-Protocol" not in second.headers


async def test_the_headers_of_the_handshake_are_passed_on_and_not_kept():
    """Kept, they would be a sixth of the memory of an idle connection."""
    async with served(lambda socket: socket.wait_closed()) as url:
        wire, response = await dial(loopback_network(), Dial(url), Heard().listener)
        assert "upgrade: websocket" in response.head.decode().lower()
        assert not wire._transport.request.headers
        assert not wire._transport.response.headers
        wire.abort()


async def test_text_and_binary_messages_keep_their_kind_in_both_directions():
    received = []

    async def handler(socket):
        received.extend([await socket.recv(), await socket.recv()])
        await socket.send("text")
        await socket.send(b"\x00binary")
        await socket.send([b"in ", b"parts"])
        await socket.wait_closed()

    heard = Heard()
    async with served(handler) as url:
        socket, _ = await dial(loopback_network(), Dial(url), heard.listener)
        socket.send(b"hello")
        socket.send(Binary(b"\x01\x02"))
        await until(lambda: len(heard.frames) == 3)
        socket.close()
    assert received == ["hello", b"\x01\x02"]
    assert heard.frames == [b"text", b"\x00binary", b"in parts"]
    assert [type(frame) for frame in heard.frames] == [bytes, Binary, Binary]


async def test_a_close_right_after_the_handshake_is_named():
    async with served(lambda socket: socket.close(4001, "not you")) as url:
        with pytest.raises(TransportError, match=r"closed with 4001 \(not you\)"):
            await dial(loopback_network(), Dial(url), Heard().listener)


async def test_a_close_is_passed_on_with_its_code_and_reason():
    heard = Heard()

    async def handler(socket):
        await socket.recv()
        await socket.close(4321, "no more room")

    async with served(handler) as url:
        socket, _ = await dial(loopback_network(), Dial(url), heard.listener)
        socket.send(b"hello")
        await until(lambda: heard.closed)
    assert heard.closed == [(4321, "no more room")]


async def test_a_message_in_many_fragments_is_limited_as_a_whole():
    async def handler(socket):
        async def endless():
            for _ in range(1000):
                yield "x" * 100

        await socket.recv()
        await socket.send(endless())

    heard = Heard()
    plain = loopback_network()
    network = Network(plain.hosts, plain.tls, message_bytes_max=1000)
    async with served(handler) as url:
        socket, _ = await dial(network, Dial(url), heard.listener)
        socket.send(b"hello")
        await until(lambda: heard.closed)
    assert heard.closed == [(1009, "a message of more than 1000 bytes")]
    assert heard.frames == []


async def test_a_redirect_is_followed_to_an_allowed_host_only():
    async def handler(socket):
        await socket.wait_closed()

    async with (
        served(handler) as url,
        Server(reply("", "302 Found", f"Location: {url}/moved\r\n")) as server,
    ):
        start = server.url.replace("http", "ws")
        socket, _ = await dial(loopback_network(), Dial(start), Heard().listener)
        socket.close()
    async with Server(reply("", "302 Found", "Location: ws://10.1.2.3/\r\n")) as server:
        with pytest.raises(ConfigError, match="not on loopback"):
            await dial(
                Network(AllowedHosts([]), loopback_network().tls),
                Dial(server.url.replace("http", "ws")),
                Heard().listener,
            )
