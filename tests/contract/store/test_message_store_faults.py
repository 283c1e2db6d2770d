"""What a messages DB promises when its server goes, a caller gives up, or writers meet."""

import asyncio
import contextlib

import asyncpg
import pytest

from gauntlet.reference_server.store.base import Stored, StoreDown, StoreError, StoreUncertain

from .wishes import everything, message, seqs

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]


@contextlib.asynccontextmanager
async def trigger(engine, action, kind="", when=""):
    """Whatever inserts a message does this, on PostgreSQL, for a while."""
    admin = await asyncpg.connect(engine.url)
    await admin.execute(
        f"""CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN {action}; RETURN NULL; END$$;
        CREATE {kind} TRIGGER strike AFTER INSERT ON messages {when}
        FOR EACH ROW EXECUTE FUNCTION strike()"""
    )
    yield
    if not admin.is_closed():
        await admin.execute("DROP TRIGGER strike ON messages")
        await admin.close()


async def test_an_outage_is_told_at_once_and_ends_by_itself(store, engine):
    """A crashed server means StoreDown; what was acked is there when it is back."""
    if not engine.has_server:
        pytest.skip("SQLite has no server that could go down")
    await store.append([message(1)])
    await engine.crash()
    try:
        with pytest.raises(StoreDown):
            await store.append([message(2)])
        with pytest.raises(StoreDown):
            await store.entries("d.a.b", 0, 10)
    finally:
        await engine.restart()
    # Each connection that died unnoticed may cost one try.
    for _ in range(10):
        try:
            [outcome] = await store.append([message(2)])
            break
        except StoreDown:
            await asyncio.sleep(0.05)
    assert isinstance(outcome, Stored)
    assert [each.client_msg_id for each in await everything(store, "d.a.b")] == ["1", "2"]


async def test_a_caller_who_gave_up_harms_nobody_after_him(store, engine):
    """Reads and writes cancelled at any moment leave connections that work, and no hole."""
    if not engine.has_server:
        pytest.skip("a thread cannot be cancelled")
    await store.append([message(0)])
    for number in range(1, 40):
        jobs = [store.append([message(number)]), store.entries("d.a.b", 0, 1000)]
        tasks = [asyncio.ensure_future(job) for job in jobs]
        await asyncio.sleep(0.0003 * (number % 13))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.append([message(f"after-{number}")])
    stored = await everything(store, "d.a.b")
    assert [entry.seq for entry in stored] == list(range(1, len(stored) + 1))
    assert sum(entry.client_msg_id.startswith("after-") for entry in stored) == 39


async def test_a_row_that_the_database_refuses_takes_nothing_with_it(store, engine):
    """A failed batch leaves no row behind and no hole: the next send gets the next position."""
    if not engine.has_server:
        pytest.skip("SQLite takes any text")
    await store.append([message(1)])
    with pytest.raises(StoreError) as raised:
        await store.append([message(2), message(3, body="\0")])
    assert not isinstance(raised.value, StoreDown)
    assert seqs(await store.append([message(2)])) == [2]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("RAISE EXCEPTION 'no'", StoreError),
        ("PERFORM pg_terminate_backend(pg_backend_pid())", StoreUncertain),
    ],
)
async def test_a_failure_during_commit_is_told_as_what_it_is(store, engine, failure, told):
    """A commit that the server refuses is not stored; one during which it goes is unknown."""
    if not engine.has_server:
        pytest.skip("the SQLite engine's COMMIT is made to fail in its own test")
    await store.append([message(0)])
    async with trigger(engine, failure, "CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED"):
        with pytest.raises(told):
            await store.append([message(1)])
        assert len(await everything(store, "d.a.b")) == 1
    assert seqs(await store.append([message(1)])) == [2]


async def test_a_server_that_goes_without_a_word_is_uncertain(store, engine):
    """Killed while it writes: nobody claims that nothing is stored."""
    if not engine.has_server:
        pytest.skip("SQLite has no server that could go down")
    await store.append([message(0)])
    async with trigger(engine, "PERFORM pg_sleep(60)"):
        writing = asyncio.create_task(store.append([message(1)]))
        await asyncio.sleep(0.5)
        await engine.crash()
        try:
            with pytest.raises(StoreUncertain):
                await writing
        finally:
            await engine.restart()


async def test_a_process_that_stands_still_holds_nobody_up(store, open_store, monkeypatch):
    """Between its reading and its writing another writes; then it sees that, and comes after."""
    if store.writers == 1:
        pytest.skip("one writer meets nobody")
    from gauntlet.reference_server.store import postgres

    honest, still, go_on = postgres._write, asyncio.Event(), asyncio.Event()

    async def stand_still(connection, decided):
        if not still.is_set():
            still.set()
            await go_on.wait()
        return await honest(connection, decided)

    other = open_store()
    await other.append([message(0)])
    monkeypatch.setattr(postgres, "_write", stand_still)
    slow = asyncio.create_task(store.append([message(1), message(1, "d.a.c")]))
    await still.wait()
    assert seqs(await other.append([message(2), message(3)])) == [2, 3]
    assert seqs(await other.append([message(2, "d.a.c")])) == [1], "which did not exist before"
    go_on.set()
    assert seqs(await slow) == [4, 2]
    stored = await everything(store, "d.a.b")
    assert [each.client_msg_id for each in stored] == ["0", "2", "3", "1"]


async def test_a_late_repeat_is_known_whoever_was_faster(store, open_store, monkeypatch):
    """Two processes write the same message at once: it is stored once, and both say where."""
    if store.writers == 1:
        pytest.skip("one writer meets nobody")
    from gauntlet.reference_server.store import postgres

    honest, read = postgres._write, asyncio.Barrier(2)

    async def together(connection, decided):
        if read.n_waiting < 2 and not decided.outcomes[0].dup:
            await read.wait()
        return await honest(connection, decided)

    other = open_store()
    await other.append([message(0)])
    monkeypatch.setattr(postgres, "_write", together)
    [[one], [two]] = await asyncio.gather(*(each.append([message(1)]) for each in (store, other)))
    assert {one.dup, two.dup} == {True, False}
    assert one.entry.msg_id == two.entry.msg_id
    assert len(await everything(store, "d.a.b")) == 2
