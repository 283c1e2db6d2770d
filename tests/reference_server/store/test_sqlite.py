"""What is specific to SQLite; the contract tests cover the rest."""

import pytest

from gauntlet.reference_server.store import messages
from gauntlet.reference_server.store.base import AppendRequest, StoreDown, StoreUncertain
from gauntlet.reference_server.store.sqlite import SqliteDatabase, SqliteMessageStore

REQUEST = AppendRequest("d.a.b", "1", sender="a", body="x")
# A row whose deferred reference points to nothing makes COMMIT itself fail.
FAILING_COMMIT = (
    "PRAGMA foreign_keys = ON",
    "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
    "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    """CREATE TRIGGER fail AFTER INSERT ON messages WHEN new.body = 'bad'
    BEGIN INSERT INTO child VALUES (1); END""",
)


def open_store(path, *schema):
    """Open a store with additional statements in its schema."""
    return SqliteMessageStore(SqliteDatabase(f"sqlite://{path}", (*messages.SCHEMA, *schema)))


async def test_a_failed_commit_is_uncertain_and_leaves_no_hole(tmp_path):
    store = open_store(tmp_path / "a.db", *FAILING_COMMIT)
    with pytest.raises(StoreUncertain):
        await store.append([AppendRequest("d.a.b", "0", sender="a", body="bad")])
    [outcome] = await store.append([REQUEST])
    assert outcome.entry.seq == 1
    await store.close()


async def test_an_unusable_file_means_store_down_until_it_can_be_opened(tmp_path):
    store = open_store(tmp_path / "later" / "a.db")
    with pytest.raises(StoreDown):
        await store.append([REQUEST])
    with pytest.raises(StoreDown):
        await store.entries("d.a.b", 0, 10)
    (tmp_path / "later").mkdir()
    assert len(await store.append([REQUEST])) == 1
    await store.close()


async def test_wal_and_full_synchronisation_are_enabled(tmp_path):
    """The guarantees depend on both."""
    store = open_store(tmp_path / "a.db")
    await store.append([REQUEST])

    def settings(db):
        return [
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        ]

    assert await store._file.write(settings) == ["wal", 2]
    await store.close()
