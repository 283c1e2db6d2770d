"""One client's socket: bytes on the wire, the limit of its outbox, and its close."""

import asyncio
from types import SimpleNamespace

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.trail import Trail
from gauntlet.reference_server.core.wire import Close
from gauntlet.reference_server.edge import client_socket
from gauntlet.reference_server.edge.client_socket import ClientSocket, text_frame
from gauntlet.reference_server.edge.connection import Connection


class Transport:
    """Records what was written; `unsent` bytes of it are still buffered."""

    def __init__(self):
        self.written, self.unsent, self.aborted = b"", 0, False

    def write(self, data):
        self.written += data

    def set_write_buffer_limits(self, high):
        self.high = high

    def get_write_buffer_size(self):
        return self.unsent

    def abort(self):
        self.aborted = True


@pytest.fixture
def parts():
    """A socket with an outbox of 100 bytes, its transport, and the codes of its closes.

    The peer never answers a close.
    """
    transport, closes = Transport(), []

    async def close(code, reason):
        closes.append(int(code))
        await asyncio.Event().wait()

    ws = SimpleNamespace(
        transport=transport, protocol=SimpleNamespace(state=State.OPEN), close=close
    )
    core = Connection("e|1-1", ping_ms=1000, pong_ms=500, now_s=0.0)
    return ClientSocket(core, ws, outbox_bytes=100), transport, closes


async def test_a_greeting_of_any_size_does_not_count_as_slowness(parts):
    """Others decide how many rooms a user is in; its own pushes still have the whole outbox."""
    socket, transport, _ = parts
    socket.greet([b"x" * 6_000, b"x" * 4_000])
    transport.unsent = len(transport.written)
    assert socket.write(b"y" * 90)
    assert socket.closed_with is None
    assert transport.high > 2 * 10_000
    transport.unsent += 90
    assert not socket.write(b"y" * 20)
    assert socket.closed_with is Close.SLOW_CONSUMER


async def test_a_greeting_for_a_client_that_has_left_is_dropped(parts):
    """A closed transport takes no limits: that would be an error with a traceback in the log."""
    socket, transport, _ = parts
    socket._protocol.state = State.CLOSED
    socket.greet([b"x" * 10_000])
    assert transport.written == b""
    assert not hasattr(transport, "high")


@pytest.mark.parametrize("size", [0, 5, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000])
def test_a_frame_is_one_final_unmasked_text_frame(size):
    """As the library of the edge writes it: RFC 6455, section 5.2, has three kinds of lengths."""
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


async def test_a_slow_consumer_is_closed_and_aborted_when_its_outbox_is_full(parts, monkeypatch):
    """Nothing more is buffered; a client that does not read the close frame is aborted."""
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT_S", 0.01)
    socket, transport, closes = parts
    socket.write(b"x" * 60)
    transport.unsent = 60
    socket.write(b"y" * 41)
    assert socket.closed_with is Close.SLOW_CONSUMER
    socket.write(b"z")
    await socket.closed()
    assert transport.written == b"x" * 60
    assert closes == [4008]
    assert transport.aborted


async def test_a_socket_is_congested_while_more_than_half_of_its_outbox_is_unsent(
    parts, monkeypatch
):
    """A socket that is being closed never counts as congested."""
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT_S", 0.01)
    socket, transport, _ = parts
    transport.unsent = 50
    assert not socket.is_congested
    transport.unsent = 51
    assert socket.is_congested
    socket.close(Close.SLOW_CONSUMER)
    assert not socket.is_congested
    await socket.closed()


async def test_only_the_first_close_code_is_sent(parts, monkeypatch):
    """A drain that reaches a dead client must not replace the reason of its close."""
    monkeypatch.setattr(client_socket, "CLOSE_TIMEOUT_S", 0.01)
    socket, _, closes = parts
    socket.close(Close.HEARTBEAT_LOST)
    socket.close(Close.RESTARTING)
    await socket.closed()
    assert closes == [4009]


def test_a_gap_is_written_together_with_the_push_that_follows_it(parts):
    """A repeated push is not written at all."""
    socket, transport, _ = parts
    push = text_frame(b"P")
    socket.push("r.x", 1, push)
    socket.push("r.x", 3, push)
    socket.push("r.x", 3, push)
    gap = text_frame(b'{"gap":{"conv":"r.x","from":2,"to":2}}')
    assert transport.written == push + gap + push


def test_only_what_was_written_to_the_socket_is_in_the_trail(parts):
    """A repeated push is not written, and one that overflows the outbox neither."""
    _, transport, _ = parts
    trail = Trail(Config(name="e", services=("edge",), port=1, secret="s", internal_token="i"))
    ws = parts[0]._ws
    socket = ClientSocket(parts[0].core, ws, outbox_bytes=100, trail=trail)
    socket.user, socket.device = "bob", "d0"
    push = text_frame(b"P")
    socket.push("r.x", 1, push)
    socket.push("r.x", 1, push)
    socket.closed_with = Close.RESTARTING
    socket.push("r.x", 2, push)
    assert transport.written == push
    (pushed,) = [row for row in trail.rows() if row["row"] == "pushed"]
    assert pushed == {
        "row": "pushed",
        "conv": "r.x",
        "user": "bob",
        "device": "d0",
        "seqs": [[1, 1]],
    }
