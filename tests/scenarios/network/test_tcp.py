"""The transport `tcp`: framing, limits, and the end of a connection."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.adapters.base import DelimiterFraming, Framing, ProtocolError
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network import tcp
from gauntlet.scenarios.network.hosts import AllowedHosts
from gauntlet.scenarios.network.wire import Listener, Network, TransportError, loopback_network


class Heard:
    """What a listener was passed."""

    def __init__(self):
        self.frames, self.closed = [], []
        self.listener = Listener(
            self.frames.append, print, lambda code, reason: self.closed.append((code, reason))
        )


class NoFraming(Framing):
    """A framing that understands nothing."""

    def feed(self, data):
        raise ProtocolError(f"no packet begins with {data[:1]!r}")


async def dialled(handler, heard, framing=DelimiterFraming, **limits):
    handled = asyncio.Event()

    async def handle(reader, writer):
        await handler(reader, writer)
        handled.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    server.handled = handled
    url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    network = Network(AllowedHosts([]), loopback_network().tls, **limits)
    wire, response = await tcp.dial(network, Dial(url, framing=framing), heard.listener)
    assert response.status == 0
    return server, wire


async def ended(server):
    """Close a server after its handler has closed its end."""
    async with asyncio.timeout(30):
        await server.handled.wait()
    await asyncio.sleep(0.05)  # for the transport to close
    server.close()
    await server.wait_closed()


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@given(st.lists(st.binary(max_size=8).filter(lambda b: b"\n" not in b)), st.data())
def test_frames_are_the_same_however_the_bytes_arrive(frames, data):
    stream = b"".join(frame + b"\n" for frame in frames)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=5)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    framing = DelimiterFraming()
    assert [frame for piece in pieces for frame in framing.feed(piece)] == frames


def test_a_delimiter_of_several_bytes_may_arrive_in_two_pieces():
    framing = DelimiterFraming(b"\r\n")
    assert list(framing.feed(b"one\r")) == []
    assert list(framing.feed(b"\ntwo\r\n")) == [b"one", b"two"]


async def test_an_endless_frame_ends_the_connection():
    async def handler(reader, writer):
        writer.write(b"x" * 10_000)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    heard = Heard()
    server, _ = await dialled(handler, heard, message_bytes_max=5000)
    await until(lambda: heard.closed)
    await ended(server)
    assert heard.closed == [(1006, "a frame of more than 5000 bytes")]
    assert heard.frames == []


async def test_bytes_that_are_no_frame_end_the_connection_with_the_reason():
    async def handler(reader, writer):
        writer.write(b"\x07")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    heard = Heard()
    server, _ = await dialled(handler, heard, NoFraming)
    await until(lambda: heard.closed)
    await ended(server)
    assert heard.closed == [(1006, "no packet begins with b'\\x07'")]


async def test_closing_passes_the_normal_code_on_once():
    async def handler(reader, writer):
        await reader.read()
        writer.close()

    heard = Heard()
    server, wire = await dialled(handler, heard)
    wire.close()
    await until(lambda: heard.closed)
    await ended(server)
    assert heard.closed == [(1000, "")]


async def test_reading_can_be_paused():
    async def handler(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        await reader.read()
        writer.close()

    heard = Heard()
    server, wire = await dialled(handler, heard)
    wire.read(on=False)
    wire.send(b"echo\n")
    await asyncio.sleep(0.1)
    assert heard.frames == []
    wire.read(on=True)
    await until(lambda: heard.frames)
    wire.close()
    await until(lambda: heard.closed)
    await ended(server)
    assert heard.frames == [b"echo"]


async def test_a_refused_connection_is_a_transport_error():
    dial = Dial("tcp://127.0.0.1:1", framing=DelimiterFraming)
    with pytest.raises(TransportError):
        await tcp.dial(loopback_network(), dial, Heard().listener)
