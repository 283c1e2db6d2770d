"""What is particular to SQLite; the engines' suite has the rest."""

import pytest

from gauntlet.reference_server.store import messages
from gauntlet.reference_server.store.base import AppendRequest, StoreDown, StoreUncertain
from gauntlet.reference_server.store.sqlite import SqliteDatabase, SqliteMessageStore

WISH = AppendRequest("d.a.b", "1", sender="a", body="x")
# A row whose deferred reference points to nothing makes COMMIT itself fail.
FAILING_COMMIT = (
    "PRAGMA foreign_keys = ON",
    "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
    "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    """CREATE TRIGGER fail AFTER INSERT ON messages WHEN new.body = 'bad'
    BEGIN INSERT INTO child VALUES (1); END""",
)


def open_store(path, *schema):
    """A store on a file, with more in its schema."""
    return SqliteMessageStore(SqliteDatabase(f"sqlite://{path}", (*messages.SCHEMA, *schema)))


async def test_a_failure_during_commit_is_uncertain(tmp_path):
    """Nobody claims that nothing is stored; the writer goes on afterwards, without a hole."""
    store = open_store(tmp_path / "a.db", *FAILING_COMMIT)
    with pytest.raises(StoreUncertain):
        await store.append([AppendRequest("d.a.b", "0", sender="a", body="bad")])
    [outcome] = await store.append([WISH])
    assert outcome.entry.seq == 1
    await store.close()


async def test_a_file_that_cannot_be_opened_is_a_database_that_is_down(tmp_path):
    """And it is tried again with the next call."""
    store = open_store(tmp_path / "later" / "a.db")
    with pytest.raises(StoreDown):
        await store.append([WISH])
    with pytest.raises(StoreDown):
        await store.entries("d.a.b", 0, 10)
    (tmp_path / "later").mkdir()
    assert len(await store.append([WISH])) == 1
    await store.close()


async def test_commits_are_durable_and_readers_do_not_wait(tmp_path):
    """WAL with a sync at every commit, as the guarantees say."""
    store = open_store(tmp_path / "a.db")
    await store.append([WISH])

    def settings(db):
        return [
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        ]

    assert await store._file.write(settings) == ["wal", 2]
    await store.close()
