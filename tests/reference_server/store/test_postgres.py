"""What is particular to PostgreSQL and needs no server; the engines' suite has the rest."""

import asyncio
import socket
import time

import pytest

from gauntlet.reference_server.store import open_messages, open_users
from gauntlet.reference_server.store.base import AppendRequest, StoreDown

pytest.importorskip("asyncpg")


async def test_nobody_there_is_told_at_once():
    """A refused connection is a definite failure, for writers and readers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = open_messages(f"postgresql://im@127.0.0.1:{port}/x", timeout_ms=1000)
    with pytest.raises(StoreDown):
        await store.append([AppendRequest("d.a.b", "1", sender="a")])
    with pytest.raises(StoreDown):
        await store.entries("d.a.b", 0, 10)
    await store.close()


async def test_a_silent_server_is_given_up_after_the_timeout():
    """One who accepts and says nothing, as behind a partition; many callers wait no longer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = open_users(f"postgresql://im@127.0.0.1:{port}/x", timeout_ms=300)
        begin = time.monotonic()
        calls = (store.environment() for _ in range(60))
        results = await asyncio.gather(*calls, return_exceptions=True)
        took_s = time.monotonic() - begin
        await store.close()
    assert {type(each) for each in results} == {StoreDown}
    # Three at a time and one after the other would be 6 s at least.
    assert took_s < 4


def test_an_unknown_engine_is_refused():
    """Before anything is dialled."""
    for opener in (open_messages, open_users):
        with pytest.raises(ValueError, match="mysql"):
            opener("mysql://x", timeout_ms=1)
