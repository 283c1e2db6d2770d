"""drain_drops_in_flight: a client that is asked to reconnect loses the next push."""

from types import SimpleNamespace

import pytest

from gauntlet.chaos.server_hooks.bugs import drain_drops_in_flight
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.connection import Connection
from gauntlet.reference_server.edge.drain import Drain, DrainOptions

pytestmark = pytest.mark.sources


class SocketWithoutNetwork(ClientSocket):
    """A socket that records what is written to it."""

    def __init__(self, name):
        core = Connection(name, ping_ms=1000, pong_ms=500, now_s=0.0)
        nowhere = SimpleNamespace(protocol=None, transport=None)
        super().__init__(core, nowhere, outbox_bytes=1000)
        self.written = []

    def write(self, data):
        self.written.append(data)


def push_four_messages(socket):
    """Push positions 1 to 3 of one conversation and 1 of another; return what was written."""
    socket.written.clear()
    for conv, seq in [("d.a.b", 1), ("d.a.b", 2), ("d.a.c", 1), ("d.a.b", 3)]:
        socket.push(conv, seq, f"{conv}:{seq}".encode())
    return [data.decode() for data in socket.written]


async def test_a_client_asked_to_reconnect_misses_one_push_without_a_gap(monkeypatch):
    """It starts at position 2, without a `gap`; a client that was not asked misses nothing."""
    monkeypatch.setattr(
        Drain, "_send_reconnect", Drain._send_reconnect
    )  # both are restored after the test
    monkeypatch.setattr(ClientSocket, "push", ClientSocket.push)
    drain_drops_in_flight.install()
    asked, other = SocketWithoutNetwork("e|1-1"), SocketWithoutNetwork("e|1-2")
    drain = Drain(lambda: [asked])
    drain.begin(DrainOptions(urls=("ws://g/v1/ws",)))
    drain.cancel()
    assert push_four_messages(asked) == ["d.a.b:2", "d.a.c:1", "d.a.b:3"]
    assert push_four_messages(other) == ["d.a.b:1", "d.a.b:2", "d.a.c:1", "d.a.b:3"]


async def test_without_the_bug_a_client_asked_to_reconnect_receives_every_push():
    """The unchanged drain drops nothing while clients are still connected."""
    asked = SocketWithoutNetwork("e|1-1")
    drain = Drain(lambda: [asked])
    drain.begin(DrainOptions(urls=("ws://g/v1/ws",)))
    drain.cancel()
    assert push_four_messages(asked) == ["d.a.b:1", "d.a.b:2", "d.a.c:1", "d.a.b:3"]
