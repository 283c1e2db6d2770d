"""Draining an edge: reconnect requests are spread evenly, stragglers are closed in waves."""

import asyncio
from collections import Counter

import pytest

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge import drain as edge_drain
from gauntlet.reference_server.edge.drain import Drain, DrainOptions

URLS = ("ws://g1/v1/ws", "ws://g2/v1/ws")


class Socket:
    """Records the reconnect requests that it is sent."""

    def __init__(self):
        self.requests, self.closed_with = [], None
        self.on_close = lambda: None

    def send(self, payload):
        self.requests.append(wire.decode_server(payload).reconnect)

    def close(self, code, reason=""):
        self.closed_with = code
        self.on_close()


@pytest.fixture
def drain_and_sockets(monkeypatch):
    """The drain of eight clients, with short waves."""
    monkeypatch.setattr(edge_drain, "WAVE_INTERVAL_S", 0.02)
    sockets = [Socket() for _ in range(8)]
    return Drain(lambda: sockets), sockets


async def test_delays_are_spread_evenly_and_urls_rotate(drain_and_sockets):
    """The server assigns the delays, because random jitter in the clients would produce peaks."""
    drain, sockets = drain_and_sockets
    assert drain.begin(DrainOptions(urls=URLS, drain_ms=800, deadline_ms=60_000)) == 8
    requests = [socket.requests[0] for socket in sockets]
    assert sorted(frame.delay_ms for frame in requests) == list(range(0, 800, 100))
    assert Counter(frame.url for frame in requests) == dict.fromkeys(URLS, 4)
    assert all(30_000 < frame.deadline_ms <= 60_000 for frame in requests)
    drain.cancel()


async def test_stragglers_are_closed_in_waves_after_the_deadline_and_counted(drain_and_sockets):
    """Clients that have left are not closed."""
    drain, sockets = drain_and_sockets
    moved = sockets[:4]
    waves = [0]

    def count():
        """Count a close; what is closed in a later iteration of the loop is another wave."""
        waves[-1] += 1
        asyncio.get_running_loop().call_soon(lambda: waves[-1] and waves.append(0))

    for socket in sockets:
        socket.on_close = count
    drain.begin(DrainOptions(urls=URLS, drain_ms=10, deadline_ms=30, waves=2))
    for socket in moved:
        sockets.remove(socket)
    async with asyncio.timeout(30):
        while sum(waves) < 4:
            await asyncio.sleep(0.001)
    assert waves[:2] == [2, 2]
    assert {socket.closed_with for socket in sockets} == {1012}
    assert drain.forced_closes == 4
    assert all(socket.closed_with is None for socket in moved)
    drain.cancel()


async def test_a_cancelled_drain_closes_no_client(drain_and_sockets):
    drain, sockets = drain_and_sockets
    drain.begin(DrainOptions(urls=URLS, drain_ms=10, deadline_ms=10))
    drain.cancel()
    await asyncio.sleep(0.05)
    assert drain.active is None
    assert all(socket.closed_with is None for socket in sockets)


async def test_a_client_whose_handshake_was_in_progress_is_asked_to_reconnect_too(
    drain_and_sockets,
):
    """Otherwise it would be closed at the deadline."""
    drain, _ = drain_and_sockets
    late = Socket()
    drain.on_connected(late)
    assert late.requests == []
    drain.begin(DrainOptions(urls=URLS, drain_ms=500, deadline_ms=60_000))
    drain.on_connected(late)
    assert late.requests[0].url in URLS
    assert 0 <= late.requests[0].delay_ms <= 500
    drain.cancel()
