"""Peers and worlds that the tests of the load share."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from .fakes import Peer
from .world import World

# How long a client waits for the ping of a peer that is only busy.
BUSY_MS = 20_000


@pytest.fixture
def world() -> World:
    """A world without sockets."""
    return World()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """The fake peer, on the test's own event loop."""
    made = Peer(pong_ms=BUSY_MS)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def distant_peer() -> Iterator[Peer]:
    """The fake peer on an event loop of its own, for load that comes from other processes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    made = Peer(pong_ms=BUSY_MS)
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(60)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()
