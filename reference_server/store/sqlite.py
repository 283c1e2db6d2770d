"""Both databases on SQLite: one writer thread owns the writing connection, readers have their own.

WAL lets readers go on beside the writer; `synchronous=FULL` makes a commit survive power loss.
SQLite runs one write transaction at a time anyway, so one thread loses nothing and never waits
for a lock.
"""
# ruff: noqa: S608 - the only names put into SQL are those of our own tables and columns

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store.append_plan import (
    ConvState,
    Identity,
    Plan,
    creatable,
    identity,
    plan,
)
from gauntlet.reference_server.store.base import (
    Append,
    Outcome,
    StoreDown,
    StoreError,
    StoreUncertain,
)
from gauntlet.reference_server.store.messages import ENTRY_COLUMNS, MessageReads

SCHEME = "sqlite://"
T = TypeVar("T")


class _Worker:
    """A thread and the connection that only it touches; opened on first use."""

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self._path = path
        self._schema = schema
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.name)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, done in the thread; StoreDown if the file cannot be used."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    async def close(self) -> None:
        """Finish what runs, then close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = _open(self._path, self._schema)
            return work(self._connection)
        except sqlite3.OperationalError as error:
            raise StoreDown from error
        except sqlite3.Error as error:
            raise StoreError from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class SqliteDatabase:
    """One file as a `Database`."""

    def __init__(self, url: str, schema: Sequence[str]) -> None:
        path = Path(url.removeprefix(SCHEME))
        self._writer = _Worker(path, schema)
        self._reader = _Worker(path, ())
        self._exists = False

    async def fetch(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        if not self._exists:
            await self._writer.run(lambda _: None)  # makes the file and its tables
            self._exists = True
        return await self._reader.run(lambda db: db.execute(sql, _named(args)).fetchall())

    async def execute(self, sql: str, *args: Any) -> None:
        def write(db: sqlite3.Connection) -> None:
            _begin(db)
            try:
                db.execute(sql, _named(args))
            except sqlite3.Error:
                db.rollback()
                raise
            _commit(db)

        await self.write(write)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writer's thread."""
        return await self._writer.run(work)

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()


class SqliteMessageStore(MessageReads):
    """`MessageStore` on SQLite.

    The single writer numbers its transactions, and commits in the order of these numbers: the
    highest visible one plus 1 is a safe watermark.
    """

    WATERMARK = "SELECT coalesce(max(changed), 0) + 1 FROM conversations"
    writers = 1

    def __init__(self, db: SqliteDatabase) -> None:
        super().__init__(db)
        self._file = db

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        return await self._file.write(lambda db: _append(db, batch))


def _append(db: sqlite3.Connection, batch: Sequence[Append]) -> list[Outcome]:
    _begin(db)
    try:
        states = _states(db, batch)
        known = _known(db, batch)
        decided = plan(batch, states, known, int(time.time() * 1000), _new_id)
        _write(db, decided)
    except BaseException:
        db.rollback()
        raise
    _commit(db)
    return decided.outcomes


def _new_id() -> str:
    return secrets.token_hex(8)


def _states(db: sqlite3.Connection, batch: Sequence[Append]) -> dict[str, ConvState]:
    states = {conv: ConvState() for conv in creatable(batch)}
    for conv in {wish.conv for wish in batch}:
        row = db.execute("SELECT last_seq FROM conversations WHERE conv = ?", (conv,)).fetchone()
        if row is not None:
            members = db.execute("SELECT member, from_seq FROM members WHERE conv = ?", (conv,))
            present = db.execute("SELECT member, connection FROM present WHERE conv = ?", (conv,))
            states[conv] = ConvState(row[0], dict(members), dict(present))
    return states


def _known(db: sqlite3.Connection, batch: Sequence[Append]) -> dict[Identity, Entry]:
    known: dict[Identity, Entry] = {}
    for wish in batch:
        key = identity(wish)
        row = db.execute(
            f"SELECT {ENTRY_COLUMNS} FROM messages"
            " WHERE conv = ? AND sender = ? AND client_msg_id = ?",
            key,
        ).fetchone()
        if row is not None:
            known[key] = Entry(*row)
    return known


def _write(db: sqlite3.Connection, decided: Plan) -> None:
    [(marker,)] = db.execute(SqliteMessageStore.WATERMARK)
    columns = ", ".join("?" * len(Entry.__struct_fields__))
    db.executemany(
        f"INSERT INTO messages ({ENTRY_COLUMNS}) VALUES ({columns})",
        (_row(entry) for entry in decided.entries),
    )
    db.executemany(
        """INSERT INTO conversations VALUES (?, ?, ?, 0) ON CONFLICT (conv) DO UPDATE
        SET last_seq = excluded.last_seq, changed = excluded.changed""",
        ((conv, head, marker) for conv, head in decided.heads.items()),
    )
    db.executemany(
        "UPDATE conversations SET members_changed = ? WHERE conv = ?",
        ((marker, conv) for conv in decided.regrouped),
    )
    _replace(db, "members", decided.members.items())
    _replace(db, "present", decided.present.items())


def _replace(
    db: sqlite3.Connection, table: str, items: Iterable[tuple[tuple[str, str], int | str | None]]
) -> None:
    for key, value in items:
        db.execute(f"DELETE FROM {table} WHERE conv = ? AND member = ?", key)
        if value is not None:
            db.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (*key, value))


def _row(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in entry.__struct_fields__)


def _named(args: Sequence[Any]) -> dict[str, Any]:
    return {str(number): value for number, value in enumerate(args, start=1)}


def _open(path: Path, schema: Sequence[str]) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        for statement in schema:
            db.execute(statement)
    except BaseException:
        db.close()
        raise
    return db


def _begin(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")


def _commit(db: sqlite3.Connection) -> None:
    try:
        db.execute("COMMIT")
    except sqlite3.Error as error:
        with suppress(sqlite3.Error):
            db.rollback()
        raise StoreUncertain from error
