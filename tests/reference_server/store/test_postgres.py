"""PostgreSQL without a server; the contract tests cover the rest."""

import asyncio
import socket
import time

import pytest

from gauntlet.reference_server.store import open_messages, open_users
from gauntlet.reference_server.store.base import AppendRequest, StoreDown
from gauntlet.stacks.free_port import free_port

pytest.importorskip("asyncpg")


async def test_a_refused_connection_means_store_down():
    port = free_port()
    store = open_messages(f"postgresql://im@127.0.0.1:{port}/x", timeout_ms=1000)
    with pytest.raises(StoreDown):
        await store.append([AppendRequest("d.a.b", "1", sender="a")])
    with pytest.raises(StoreDown):
        await store.entries("d.a.b", 0, 10)
    await store.close()


async def test_a_silent_server_fails_all_callers_after_the_timeout():
    """A server that accepts connections and never answers, as behind a partition."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = open_users(f"postgresql://im@127.0.0.1:{port}/x", timeout_ms=1000)
        begin = time.monotonic()
        calls = (store.environment() for _ in range(60))
        results = await asyncio.gather(*calls, return_exceptions=True)
        took_s = time.monotonic() - begin
        await store.close()
    assert {type(each) for each in results} == {StoreDown}
    # Three at a time and one after the other would be 20 s at least.
    assert took_s < 15


def test_an_unknown_url_scheme_is_rejected():
    for opener in (open_messages, open_users):
        with pytest.raises(ValueError, match="mysql"):
            opener("mysql://x", timeout_ms=1)
