"""What every engine of the users DB guarantees, tested with real databases."""

import asyncio

import pytest
import pytest_asyncio

from gauntlet.reference_server.store import open_users, users
from gauntlet.reference_server.store.base import StoreDown, TooManyRequests

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]
TIMEOUT_MS = 3000


@pytest_asyncio.fixture(loop_scope="session")
async def store(engine):
    """An open users DB."""
    opened = open_users(engine.url, TIMEOUT_MS)
    yield opened
    await opened.close()


async def test_creating_an_account_repeatedly_is_no_error(store):
    await asyncio.gather(*(store.ensure_account("a") for _ in range(5)))
    await store.ensure_account("a")


async def test_the_environment_is_persistent(store, engine):
    assert await store.environment() is None
    await store.set_environment("blue")
    await store.set_environment("green")
    other = open_users(engine.url, TIMEOUT_MS)
    assert await other.environment() == "green"
    await other.close()


async def test_mutual_requests_are_a_friendship(store):
    assert await store.relate("a", "c", "request") == "outgoing"
    assert await store.relate("b", "a", "request") == "outgoing"
    assert await store.relations("a") == {"b": "incoming", "c": "outgoing"}
    assert await store.relate("a", "b", "request") == "friends"
    assert await store.relate("a", "b", "request") == "friends"
    assert await store.relations("b") == {"a": "friends"}


async def test_a_user_has_a_limited_number_of_requests_that_they_did_not_answer(store, monkeypatch):
    """Others could fill the lists without end; what the user does is not limited."""
    monkeypatch.setattr(users, "UNANSWERED_MAX", 2)
    assert await store.relate("m", "friend", "request") == "outgoing"
    for stranger in ("a", "z"):  # before and behind `m`, on either side of the pair
        assert await store.relate(stranger, "m", "request") == "outgoing"
    for stranger in ("b", "y"):
        with pytest.raises(TooManyRequests) as caught:
            await store.relate(stranger, "m", "request")
        assert (caught.value.code, caught.value.stored) == ("forbidden", "no")
    assert "b" not in await store.relations("m")
    assert await store.relate("a", "m", "request") == "outgoing"  # a repetition
    assert await store.relate("friend", "m", "request") == "friends"  # an acceptance
    assert await store.relate("m", "b", "request") == "outgoing"
    assert await store.relate("m", "z", "request") == "friends"
    assert await store.relate("y", "m", "request") == "outgoing"
    with pytest.raises(TooManyRequests):
        await store.relate("x", "m", "request")
    assert await store.relate("x", "m", "block") == "blocked"


@pytest.mark.parametrize("by", ["a", "b"])
async def test_either_user_can_end_a_request_and_a_friendship(store, by):
    """The same action declines, withdraws and unfriends."""
    other = "b" if by == "a" else "a"
    await store.relate("a", "b", "request")
    assert await store.relate(by, other, "part") == "none"
    assert await store.relations(other) == {by: "none"}
    await store.relate("a", "b", "request")
    await store.relate("b", "a", "request")
    assert await store.relate(by, other, "part") == "none"
    assert await store.relations(other) == {by: "none"}


async def test_a_block_ends_the_friendship_and_only_its_owner_can_lift_it(store):
    """The friendship is not restored afterwards."""
    await store.relate("a", "b", "request")
    await store.relate("b", "a", "request")
    assert await store.relate("b", "a", "block") == "blocked"
    assert await store.relate("a", "b", "request") == "barred"
    assert await store.relate("a", "b", "unblock") == "barred"
    assert await store.relate("b", "a", "request") == "blocked"
    assert await store.relate("b", "a", "unblock") == "none"
    assert await store.relate("a", "b", "request") == "outgoing"


async def test_concurrent_mutual_requests_are_a_friendship(store):
    pairs = [("a", f"u{number}") for number in range(20)]
    await asyncio.gather(
        *(
            store.relate(*each, "request")
            for low, high in pairs
            for each in ((low, high), (high, low))
        )
    )
    assert set((await store.relations("a")).values()) == {"friends"}


async def test_a_request_never_survives_a_concurrent_block(store):
    pairs = [("a", f"u{number}") for number in range(20)]
    await asyncio.gather(
        *(store.relate(user, other, "request") for user, other in pairs),
        *(store.relate(other, user, "block") for user, other in pairs),
    )
    for user, other in pairs:
        await store.relate(other, user, "unblock")
    assert set((await store.relations("a")).values()) == {"none"}


async def test_blocks_are_polled_from_version_to_version(store):
    """First all blocks, then the changes; friendships are not among them."""
    await store.relate("a", "b", "block")
    await store.relate("c", "d", "request")
    first = await store.blocks_since(0)
    assert (first.blockers, first.whole) == ({"d.a.b": ["a"]}, True)
    await store.relate("a", "b", "unblock")
    await store.relate("d", "c", "block")
    await store.relate("c", "d", "block")
    second = await store.blocks_since(first.version)
    assert (second.blockers, second.whole) == ({"d.a.b": [], "d.c.d": ["c", "d"]}, False)


async def test_an_unknown_version_returns_all_blocks(store):
    """As after a replacement of the database."""
    await store.relate("a", "b", "block")
    known = await store.blocks_since(0)
    other = await store.blocks_since(known.version + 1_000_000)
    assert (other.blockers, other.whole) == ({"d.a.b": ["a"]}, True)


async def test_polling_during_concurrent_blocks_misses_none(store):
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


async def test_a_new_database_contains_sticker_packs(store):
    packs = await store.packs()
    assert packs["cats"] == ["cat-hello", "cat-thanks"]


async def test_an_outage_raises_store_down_and_keeps_the_content(store, engine):
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
