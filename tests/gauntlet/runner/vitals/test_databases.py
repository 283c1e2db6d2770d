"""How many bytes databases hold."""

import os
import sqlite3
from pathlib import Path

import pytest

from gauntlet.runner.vitals.databases import database_bytes, sqlite_bytes, tree_bytes


@pytest.fixture
def database(tmp_path):
    """A SQLite database whose content is in its write-ahead log."""
    file = tmp_path / "messages.db"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("CREATE TABLE messages (body TEXT)")
    connection.commit()
    yield connection
    connection.close()


def test_what_is_in_the_write_ahead_log_counts(database, tmp_path):
    before = database_bytes(tmp_path)["messages-db"]
    database.executemany("INSERT INTO messages VALUES (?)", [("x" * 1000,)] * 500)
    database.commit()
    assert database_bytes(tmp_path)["messages-db"] - before >= 500_000
    assert (tmp_path / "messages.db").stat().st_size < 500_000


def test_what_is_not_committed_does_not_count(database, tmp_path):
    before = database_bytes(tmp_path)
    database.executemany("INSERT INTO messages VALUES (?)", [("x" * 1000,)] * 500)
    assert database_bytes(tmp_path) == before


def test_a_file_that_is_no_database_has_no_size(tmp_path):
    (tmp_path / "users.db").write_text("not a database, and longer than a header of SQLite is")
    assert sqlite_bytes(tmp_path / "users.db") is None
    assert database_bytes(tmp_path) == {}
    assert sqlite_bytes(tmp_path / "absent.db") is None
    assert not (tmp_path / "absent.db").exists()


def test_postgres_counts_its_tables_and_not_its_log(tmp_path):
    inside = tmp_path / "cluster" / "messages-db" / "data"
    beside = tmp_path / "cluster-users-db-x7_k2abc" / "data"
    for data in (inside, beside):
        (data / "base" / "5").mkdir(parents=True)
        (data / "pg_wal").mkdir()
        (data / "PG_VERSION").write_text("15\n")
        (data / "base" / "5" / "1259").write_bytes(b"x" * 8192)
        (data / "pg_wal" / "000000010000000000000001").write_bytes(b"x" * 100_000)
    assert database_bytes(tmp_path / "cluster") == {"messages-db": 8192, "users-db": 8192}


def test_folders_that_vanish_while_they_are_measured_do_not_count(tmp_path, monkeypatch):
    """The heal of a failover removes the data of the old primary."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 10)
    (tmp_path / "c" / "file").write_bytes(b"x" * 20)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "file")
    scan = os.scandir

    def vanish(path):
        if Path(path).name == "b":
            Path(path).rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", vanish)
    assert tree_bytes(tmp_path) == 30
    assert not (tmp_path / "b").exists()
    assert tree_bytes(tmp_path / "absent") == 0


def test_databases_on_disks_of_their_own_are_measured_behind_the_disk(tmp_path):
    """The mount points themselves are not read: a fault may act there."""
    for folder in ("message.files", "message"):
        (tmp_path / "data-disks" / folder).mkdir(parents=True)
        connection = sqlite3.connect(tmp_path / "data-disks" / folder / "messages.db")
        connection.execute("CREATE TABLE messages (body TEXT)")
        if folder == "message.files":
            connection.executemany("INSERT INTO messages VALUES (?)", [("x" * 1000,)] * 500)
        connection.commit()
        connection.close()
    tables = tmp_path / "data-disks" / "users-db.files" / "data" / "base"
    tables.mkdir(parents=True)
    (tables / "1259").write_bytes(b"x" * 8192)
    (tables.parent / "PG_VERSION").write_text("15\n")
    (tmp_path / "data-disks" / "message.files" / "other.db").write_text("no database")
    (tmp_path / "data-disks" / "message.files" / "empty.db").write_text("")
    size = (tmp_path / "data-disks" / "message.files" / "messages.db").stat().st_size
    assert size > 500_000
    assert database_bytes(tmp_path / "data") == {"messages-db": size, "users-db": 8192}
