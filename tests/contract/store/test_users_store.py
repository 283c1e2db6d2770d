"""What every engine of the users DB promises, asked of real databases."""

import asyncio

import pytest
import pytest_asyncio

from reference_server.store import open_users
from reference_server.store.base import StoreDown

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]
TIMEOUT_MS = 3000


@pytest_asyncio.fixture(loop_scope="session")
async def store(engine):
    """One opened store."""
    opened = open_users(engine.url, TIMEOUT_MS)
    yield opened
    await opened.close()


async def test_an_account_is_made_once(store):
    """Logging in again, or twice at the same time, is no error."""
    await asyncio.gather(*(store.ensure_account("a") for _ in range(5)))
    await store.ensure_account("a")


async def test_the_environment_is_what_was_set_last(store, engine):
    """A switch survives a restart of whoever made it."""
    assert await store.environment() is None
    await store.set_environment("blue")
    await store.set_environment("green")
    other = open_users(engine.url, TIMEOUT_MS)
    assert await other.environment() == "green"
    await other.close()


async def test_friendship_is_mutual_and_single(store):
    """Both see each other, however often one asks."""
    await store.add_friend("a", "c")
    await store.add_friend("a", "b")
    await store.add_friend("b", "a")
    assert await store.friends("a") == ["b", "c"]
    assert await store.friends("b") == ["a"]


async def test_there_are_stickers(store):
    """A new database comes with packs."""
    packs = await store.packs()
    assert packs["cats"] == ["cat-hello", "cat-thanks"]


async def test_an_outage_is_told_and_ends_by_itself(store, engine):
    """StoreDown while the server is away, the old content afterwards."""
    if not engine.has_server:
        pytest.skip("SQLite has no server that could go down")
    await store.set_environment("blue")
    await engine.crash()
    try:
        with pytest.raises(StoreDown):
            await store.environment()
    finally:
        await engine.restart()
    assert await store.environment() == "blue"
