"""What a messages DB guarantees after server failures, cancelled calls and conflicting writes."""

import asyncio
import contextlib

import asyncpg
import pytest

from gauntlet.reference_server.store.base import Stored, StoreDown, StoreError, StoreUncertain

from .append_requests import all_entries, message, seqs

pytestmark = [
    pytest.mark.contract,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]


@contextlib.asynccontextmanager
async def trigger(engine, action, kind="", when=""):
    """For a while, let every insert of a message run `action` on PostgreSQL."""
    admin = await asyncpg.connect(engine.url)
    await admin.execute(
        f"""CREATE FUNCTION fail_insert() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN {action}; RETURN NULL; END$$;
        CREATE {kind} TRIGGER fail_insert AFTER INSERT ON messages {when}
        FOR EACH ROW EXECUTE FUNCTION fail_insert()"""
    )
    yield
    if not admin.is_closed():
        await admin.execute("DROP TRIGGER fail_insert ON messages")
        await admin.close()


async def test_an_outage_raises_store_down_and_loses_no_acknowledged_message(store, engine):
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
    assert [each.client_msg_id for each in await all_entries(store, "d.a.b")] == ["1", "2"]


async def test_cancelled_calls_leave_working_connections_and_no_hole(store, engine):
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
    stored = await all_entries(store, "d.a.b")
    assert [entry.seq for entry in stored] == list(range(1, len(stored) + 1))
    assert sum(entry.client_msg_id.startswith("after-") for entry in stored) == 39


async def test_a_refused_batch_leaves_no_row_and_no_hole(store, engine):
    if not engine.has_server:
        pytest.skip("SQLite takes any text")
    await store.append([message(1)])
    with pytest.raises(StoreError) as raised:
        await store.append([message(2), message(3, body="\0")])
    assert not isinstance(raised.value, StoreDown)
    assert seqs(await store.append([message(2)])) == [2]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("RAISE EXCEPTION 'no'", StoreError),
        ("PERFORM pg_terminate_backend(pg_backend_pid())", StoreUncertain),
    ],
)
async def test_a_failed_commit_is_an_error_or_uncertain_depending_on_its_cause(
    store, engine, failure, error
):
    """A refused commit is not stored; if the server ends during the commit, it is unknown."""
    if not engine.has_server:
        pytest.skip("the SQLite engine's COMMIT is made to fail in its own test")
    await store.append([message(0)])
    async with trigger(engine, failure, "CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED"):
        with pytest.raises(error):
            await store.append([message(1)])
        assert len(await all_entries(store, "d.a.b")) == 1
    assert seqs(await store.append([message(1)])) == [2]


async def test_a_server_killed_during_a_write_is_uncertain(store, engine):
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


async def test_a_paused_writer_does_not_block_others_and_replans_afterwards(
    store, open_store, monkeypatch
):
    """It is paused between its read and its write, and another process writes meanwhile."""
    if store.writers == 1:
        pytest.skip("a single writer has no conflicts")
    from gauntlet.reference_server.store import postgres

    original_write, paused, resume = postgres._write, asyncio.Event(), asyncio.Event()

    async def pause_first_write(connection, plan):
        if not paused.is_set():
            paused.set()
            await resume.wait()
        return await original_write(connection, plan)

    other = open_store()
    await other.append([message(0)])
    monkeypatch.setattr(postgres, "_write", pause_first_write)
    slow = asyncio.create_task(store.append([message(1), message(1, "d.a.c")]))
    await paused.wait()
    assert seqs(await other.append([message(2), message(3)])) == [2, 3]
    assert seqs(await other.append([message(2, "d.a.c")])) == [1], "which did not exist before"
    resume.set()
    assert seqs(await slow) == [4, 2]
    stored = await all_entries(store, "d.a.b")
    assert [each.client_msg_id for each in stored] == ["0", "2", "3", "1"]


async def test_a_message_written_by_two_processes_at_once_is_stored_once(
    store, open_store, monkeypatch
):
    """Both report the same position."""
    if store.writers == 1:
        pytest.skip("a single writer has no conflicts")
    from gauntlet.reference_server.store import postgres

    original_write, read = postgres._write, asyncio.Barrier(2)

    async def write_together(connection, plan):
        if read.n_waiting < 2 and not plan.outcomes[0].dup:
            await read.wait()
        return await original_write(connection, plan)

    other = open_store()
    await other.append([message(0)])
    monkeypatch.setattr(postgres, "_write", write_together)
    [[first], [second]] = await asyncio.gather(
        *(each.append([message(1)]) for each in (store, other))
    )
    assert {first.dup, second.dup} == {True, False}
    assert first.entry.msg_id == second.entry.msg_id
    assert len(await all_entries(store, "d.a.b")) == 2
