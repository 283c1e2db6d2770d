"""One client's socket: bytes on the wire, the cap, and the end."""

import asyncio
from types import SimpleNamespace

import pytest
from websockets.protocol import State

from gauntlet.reference_server.core.wire import Close
from gauntlet.reference_server.edge import client_socket
from gauntlet.reference_server.edge.client_socket import ClientSocket, text_frame
from gauntlet.reference_server.edge.connection import Connection


class Transport:
    """Holds what was written; `unsent` of it are still buffered."""

    def __init__(self):
        self.written, self.unsent, self.aborted = b"", 0, False

    def write(self, data):
        self.written += data

    def get_write_buffer_size(self):
        return self.unsent

    def abort(self):
        self.aborted = True


@pytest.fixture
def rig():
    """A socket with an outbox of 100 bytes, whose peer never answers a close."""
    transport, closes = Transport(), []

    async def close(code, reason):
        closes.append(int(code))
        await asyncio.Event().wait()

    ws = SimpleNamespace(
        transport=transport, protocol=SimpleNamespace(state=State.OPEN), close=close
    )
    core = Connection("e|1-1", ping_ms=1000, pong_ms=500, now_s=0.0)
    return ClientSocket(core, ws, outbox_bytes=100), transport, closes


@pytest.mark.parametrize(("size", "header"), [(5, 2), (126, 4), (70_000, 10)])
def test_a_frame_is_one_final_unmasked_text_frame(size, header):
    """RFC 6455, 5.2: FIN and opcode 1, the three forms of length, no mask."""
    frame = text_frame(b"x" * size)
    assert frame[0] == 0x81
    assert frame[1] & 0x80 == 0
    assert len(frame) == header + size


async def test_a_slow_consumer_is_closed_at_the_cap_and_cut_off(rig, monkeypatch):
    """At the cap nothing more is buffered; a peer that does not read its close is cut off."""
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT_S", 0.01)
    socket, transport, closes = rig
    socket.write(b"x" * 60)
    transport.unsent = 60
    socket.write(b"y" * 41)
    assert socket.closed_with is Close.SLOW_CONSUMER
    socket.write(b"z")
    await socket.closed()
    assert transport.written == b"x" * 60
    assert closes == [4008]
    assert transport.aborted


async def test_a_socket_is_congested_while_half_of_its_outbox_is_unsent(rig, monkeypatch):
    """One that is being closed holds nobody up."""
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT_S", 0.01)
    socket, transport, _ = rig
    transport.unsent = 50
    assert not socket.is_congested
    transport.unsent = 51
    assert socket.is_congested
    socket.close(Close.SLOW_CONSUMER)
    assert not socket.is_congested
    await socket.closed()


async def test_the_first_close_code_counts(rig, monkeypatch):
    """A drain that meets a dead client does not rename its end."""
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT_S", 0.01)
    socket, _, closes = rig
    socket.close(Close.HEARTBEAT_LOST)
    socket.close(Close.RESTARTING)
    await socket.closed()
    assert closes == [4009]


def test_a_jump_is_announced_in_the_same_write(rig):
    """The gap comes before the push that jumps; a repetition is not written at all."""
    socket, transport, _ = rig
    push = text_frame(b"P")
    socket.push("r.x", 1, push)
    socket.push("r.x", 3, push)
    socket.push("r.x", 3, push)
    gap = text_frame(b'{"gap":{"conv":"r.x","from":2,"to":2}}')
    assert transport.written == push + gap + push
