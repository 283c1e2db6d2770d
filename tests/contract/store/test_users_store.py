"""What every engine of the users DB promises, asked of real databases."""

import asyncio

import pytest
import pytest_asyncio

from gauntlet.reference_server.store import open_users
from gauntlet.reference_server.store.base import StoreDown

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


async def test_a_request_that_is_answered_by_another_is_a_friendship(store):
    """Both see each other, however often one asks; before, each sees his side of the request."""
    assert await store.relate("a", "c", "request") == "outgoing"
    assert await store.relate("b", "a", "request") == "outgoing"
    assert await store.relations("a") == {"b": "incoming", "c": "outgoing"}
    assert await store.relate("a", "b", "request") == "friends"
    assert await store.relate("a", "b", "request") == "friends"
    assert await store.relations("b") == {"a": "friends"}


@pytest.mark.parametrize("by", ["a", "b"])
async def test_either_side_ends_a_request_and_a_friendship(store, by):
    """Declining, withdrawing and unfriending are one wish."""
    other = "b" if by == "a" else "a"
    await store.relate("a", "b", "request")
    assert await store.relate(by, other, "part") == "none"
    assert await store.relations(other) == {by: "none"}
    await store.relate("a", "b", "request")
    await store.relate("b", "a", "request")
    assert await store.relate(by, other, "part") == "none"
    assert await store.relations(other) == {by: "none"}


async def test_a_block_ends_all_and_lasts_until_its_owner_lifts_it(store):
    """The other can neither request nor unblock; nothing comes back with the block's end."""
    await store.relate("a", "b", "request")
    await store.relate("b", "a", "request")
    assert await store.relate("b", "a", "block") == "blocked"
    assert await store.relate("a", "b", "request") == "barred"
    assert await store.relate("a", "b", "unblock") == "barred"
    assert await store.relate("b", "a", "request") == "blocked"
    assert await store.relate("b", "a", "unblock") == "none"
    assert await store.relate("a", "b", "request") == "outgoing"


async def test_two_who_request_each_other_at_the_same_time_are_friends(store):
    """None of the two requests is lost, whichever is first."""
    pairs = [("a", f"u{number}") for number in range(20)]
    await asyncio.gather(
        *(
            store.relate(*each, "request")
            for low, high in pairs
            for each in ((low, high), (high, low))
        )
    )
    assert set((await store.relations("a")).values()) == {"friends"}


async def test_a_request_never_survives_a_block_made_at_the_same_time(store):
    """It comes before the block, and is ended by it, or after it, and is refused."""
    pairs = [("a", f"u{number}") for number in range(20)]
    await asyncio.gather(
        *(store.relate(user, other, "request") for user, other in pairs),
        *(store.relate(other, user, "block") for user, other in pairs),
    )
    for user, other in pairs:
        await store.relate(other, user, "unblock")
    assert set((await store.relations("a")).values()) == {"none"}


async def test_blocks_are_followed_from_version_to_version(store):
    """First the whole, then what changed: a block, its end, and nobody who only made friends."""
    await store.relate("a", "b", "block")
    await store.relate("c", "d", "request")
    first = await store.blocks_since(0)
    assert (first.blockers, first.whole) == ({"d.a.b": ["a"]}, True)
    await store.relate("a", "b", "unblock")
    await store.relate("d", "c", "block")
    await store.relate("c", "d", "block")
    second = await store.blocks_since(first.version)
    assert (second.blockers, second.whole) == ({"d.a.b": [], "d.c.d": ["c", "d"]}, False)


async def test_an_unknown_version_gets_the_whole(store):
    """As when the database was replaced by another one."""
    await store.relate("a", "b", "block")
    known = await store.blocks_since(0)
    other = await store.blocks_since(known.version + 1_000_000)
    assert (other.blockers, other.whole) == ({"d.a.b": ["a"]}, True)


async def test_no_block_is_missed_while_many_are_made(store):
    """A follower that reads beside twenty writers knows them all in the end."""
    version, followed = 0, {}

    async def follow():
        nonlocal version
        page = await store.blocks_since(version)
        version = page.version
        followed.update(page.blockers)

    async def block(number):
        await store.relate("a", f"u{number}", "block")
        await follow()

    await asyncio.gather(*(block(number) for number in range(20)))
    await follow()
    assert followed == {f"d.a.u{number}": ["a"] for number in range(20)}


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
