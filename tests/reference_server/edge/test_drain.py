"""Draining an edge: everybody told evenly, stragglers closed in waves."""

import asyncio
from collections import Counter

import pytest

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.edge import drain as edge_drain
from gauntlet.reference_server.edge.drain import Drain, DrainOptions

URLS = ("ws://g1/v1/ws", "ws://g2/v1/ws")


class Socket:
    """Remembers what it was told."""

    def __init__(self):
        self.told, self.closed_with = [], None

    def send(self, payload):
        self.told.append(wire.decode_server(payload).reconnect)

    def close(self, code, reason=""):
        self.closed_with = code


@pytest.fixture
def rig(monkeypatch):
    """Eight clients and their drain, with short waves."""
    monkeypatch.setattr(edge_drain, "WAVE_INTERVAL_S", 0.02)
    sockets = [Socket() for _ in range(8)]
    return Drain(lambda: sockets), sockets


async def test_delays_are_spread_evenly_and_urls_by_turns(rig):
    """The server assigns the delays: jitter of clients alone makes a peak."""
    drain, sockets = rig
    assert drain.begin(DrainOptions(urls=URLS, drain_ms=800, deadline_ms=60_000)) == 8
    told = [socket.told[0] for socket in sockets]
    assert sorted(frame.delay_ms for frame in told) == list(range(0, 800, 100))
    assert Counter(frame.url for frame in told) == dict.fromkeys(URLS, 4)
    assert all(59_000 < frame.deadline_ms <= 60_000 for frame in told)
    drain.cancel()


async def test_stragglers_are_closed_in_waves_after_the_deadline_and_counted(rig):
    """Who has moved is not closed; who has not gets 1012, a part at a time."""
    drain, sockets = rig
    moved = sockets[:4]
    drain.begin(DrainOptions(urls=URLS, drain_ms=10, deadline_ms=30, waves=2))
    for socket in moved:
        sockets.remove(socket)
    waves = set()
    async with asyncio.timeout(5):
        while len(waves) < 3:
            waves.add(sum(socket.closed_with == 1012 for socket in sockets))
            await asyncio.sleep(0.001)
    assert waves == {0, 2, 4}
    assert drain.forced_closes == 4
    assert all(socket.closed_with is None for socket in moved)
    drain.cancel()


async def test_a_cancelled_drain_closes_nobody(rig):
    """A rollback keeps every client that is still there."""
    drain, sockets = rig
    drain.begin(DrainOptions(urls=URLS, drain_ms=10, deadline_ms=10))
    drain.cancel()
    await asyncio.sleep(0.05)
    assert drain.active is None
    assert all(socket.closed_with is None for socket in sockets)


async def test_a_client_that_was_just_connecting_is_told_too(rig):
    """A handshake under way when the drain begins must not become a forced close."""
    drain, _ = rig
    late = Socket()
    drain.on_connected(late)
    assert late.told == []
    drain.begin(DrainOptions(urls=URLS, drain_ms=500, deadline_ms=60_000))
    drain.on_connected(late)
    assert late.told[0].url in URLS
    assert 0 <= late.told[0].delay_ms <= 500
    drain.cancel()
