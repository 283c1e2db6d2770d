"""drain_drops_in_flight: the order to move costs the next push."""

from types import SimpleNamespace

from gauntlet.chaos.server_hooks.bugs import drain_drops_in_flight
from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.connection import Connection
from gauntlet.reference_server.edge.drain import Drain, DrainOrder


class Silent(ClientSocket):
    """A socket without a network: remembers what was written."""

    def __init__(self, name):
        core = Connection(name, ping_ms=1000, pong_ms=500, now_s=0.0)
        nowhere = SimpleNamespace(protocol=None, transport=None)
        super().__init__(core, nowhere, outbox_bytes=1000)
        self.written = []

    def write(self, data):
        self.written.append(data)


def pushed(socket):
    """Push positions 1 to 3 of one conversation and 1 of another; what went out of them."""
    socket.written.clear()
    for conv, seq in [("d.a.b", 1), ("d.a.b", 2), ("d.a.c", 1), ("d.a.b", 3)]:
        socket.push(conv, seq, f"{conv}:{seq}".encode())
    return [data.decode() for data in socket.written]


async def test_a_told_client_misses_one_push_unannounced(monkeypatch):
    """Who was told jumps from nothing to 2, and no gap says so; who was not told misses nothing."""
    monkeypatch.setattr(Drain, "_tell", Drain._tell)  # both are put back after the test
    monkeypatch.setattr(ClientSocket, "push", ClientSocket.push)
    drain_drops_in_flight.install()
    told, other = Silent("e|1-1"), Silent("e|1-2")
    drain = Drain(lambda: [told])
    drain.begin(DrainOrder(urls=("ws://g/v1/ws",)))
    drain.cancel()
    assert pushed(told) == ["d.a.b:2", "d.a.c:1", "d.a.b:3"]
    assert pushed(other) == ["d.a.b:1", "d.a.b:2", "d.a.c:1", "d.a.b:3"]


async def test_without_the_bug_a_told_client_gets_all():
    """A drain as it is takes nothing from those who have not gone yet."""
    told = Silent("e|1-1")
    drain = Drain(lambda: [told])
    drain.begin(DrainOrder(urls=("ws://g/v1/ws",)))
    drain.cancel()
    assert pushed(told) == ["d.a.b:1", "d.a.b:2", "d.a.c:1", "d.a.b:3"]
