"""Both databases on SQLite: one thread owns the writing connection, another one reads.

WAL lets the reader work while the writer commits; `synchronous=FULL` makes a commit survive a loss
of power. SQLite runs one write transaction at a time, so a single writer thread costs no
throughput and never waits for a lock.
"""
# ruff: noqa: S608 - only names of our own tables and columns are put into SQL

import asyncio
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from gauntlet.reference_server.core import clock
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store.append_plan import (
    AppendPlan,
    ConversationState,
    Identity,
    added_users,
    creatable,
    identity,
    plan_appends,
    users_of_new_directs,
)
from gauntlet.reference_server.store.base import (
    AppendRequest,
    Outcome,
    StoreDown,
    StoreError,
    StoreUncertain,
)
from gauntlet.reference_server.store.messages import ENTRY_COLUMNS, MessageReader

SCHEME = "sqlite://"
T = TypeVar("T")


class _Worker:
    """A thread with a connection that no other thread uses; opened on first use."""

    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self._path = path
        self._schema = schema
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.name)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the thread and return its result; StoreDown if the file is unusable."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    async def close(self) -> None:
        """Wait for the running work, then close the file."""
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
    """A SQLite file that implements `Database`."""

    def __init__(self, url: str, schema: Sequence[str]) -> None:
        path = Path(url.removeprefix(SCHEME))
        self._writer = _Worker(path, schema)
        self._reader = _Worker(path, ())
        self._exists = False

    async def fetch(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        if not self._exists:
            await self._writer.run(lambda _: None)  # creates the file and its tables
            self._exists = True
        return await self._reader.run(lambda db: db.execute(sql, _numbered(args)).fetchall())

    async def execute(self, sql: str, *args: Any) -> None:
        def write(db: sqlite3.Connection) -> None:
            _begin(db)
            try:
                db.execute(sql, _numbered(args))
            except sqlite3.Error:
                db.rollback()
                raise
            _commit(db)

        await self.write(write)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writer's thread and return its result."""
        return await self._writer.run(work)

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()


class SqliteMessageStore(MessageReader):
    """`MessageStore` on SQLite.

    The single writer numbers its transactions and commits them in that order, so the highest
    visible number plus 1 is a safe watermark.
    """

    WATERMARK = "SELECT coalesce(max(changed), 0) + 1 FROM conversations"
    writers = 1

    def __init__(self, db: SqliteDatabase) -> None:
        super().__init__(db)
        self._file = db

    async def append(self, batch: Sequence[AppendRequest]) -> list[Outcome]:
        return await self._file.write(lambda db: _append(db, batch))


def _append(db: sqlite3.Connection, batch: Sequence[AppendRequest]) -> list[Outcome]:
    _begin(db)
    try:
        states = _states(db, batch)
        known = _known(db, batch)
        plan = plan_appends(batch, states, known, clock.now_ms(), _new_id)
        _write(db, plan)
    except BaseException:
        db.rollback()
        raise
    _commit(db)
    return plan.outcomes


def _new_id() -> str:
    return secrets.token_hex(8)


def _states(db: sqlite3.Connection, batch: Sequence[AppendRequest]) -> dict[str, ConversationState]:
    rooms = {user: _count(db, user, "r.%") for user in added_users(batch)}
    directs: dict[str, int] = {}
    states = {conv: ConversationState(rooms=rooms, directs=directs) for conv in creatable(batch)}
    for conv in {request.conv for request in batch}:
        row = db.execute("SELECT last_seq FROM conversations WHERE conv = ?", (conv,)).fetchone()
        if row is not None:
            members = db.execute("SELECT member, from_seq FROM members WHERE conv = ?", (conv,))
            present = db.execute("SELECT member, connection FROM present WHERE conv = ?", (conv,))
            states[conv] = ConversationState(row[0], dict(members), dict(present), rooms)
    directs.update((user, _count(db, user, "d.%")) for user in users_of_new_directs(states))
    return states


def _known(db: sqlite3.Connection, batch: Sequence[AppendRequest]) -> dict[Identity, Entry]:
    known: dict[Identity, Entry] = {}
    for request in batch:
        key = identity(request)
        row = db.execute(
            f"SELECT {ENTRY_COLUMNS} FROM messages"
            " WHERE conv = ? AND sender = ? AND client_msg_id = ?",
            key,
        ).fetchone()
        if row is not None:
            known[key] = Entry(*row)
    return known


def _count(db: sqlite3.Connection, user: str, pattern: str) -> int:
    """Return in how many conversations with such ids a user is."""
    [(count,)] = db.execute(
        "SELECT count(*) FROM members WHERE member = ? AND conv LIKE ?", (user, pattern)
    )
    return int(count)


def _write(db: sqlite3.Connection, plan: AppendPlan) -> None:
    [(marker,)] = db.execute(SqliteMessageStore.WATERMARK)
    columns = ", ".join("?" * len(Entry.__struct_fields__))
    db.executemany(
        f"INSERT INTO messages ({ENTRY_COLUMNS}) VALUES ({columns})",
        (_row(entry) for entry in plan.entries),
    )
    db.executemany(
        """INSERT INTO conversations VALUES (?, ?, ?, 0) ON CONFLICT (conv) DO UPDATE
        SET last_seq = excluded.last_seq, changed = excluded.changed""",
        ((conv, head, marker) for conv, head in plan.heads.items()),
    )
    db.executemany(
        "UPDATE conversations SET members_changed = ? WHERE conv = ?",
        ((marker, conv) for conv in plan.membership_changed),
    )
    _replace(db, "members", plan.members.items())
    _replace(db, "present", plan.present.items())


def _replace(
    db: sqlite3.Connection, table: str, items: Iterable[tuple[tuple[str, str], int | str | None]]
) -> None:
    for key, value in items:
        db.execute(f"DELETE FROM {table} WHERE conv = ? AND member = ?", key)
        if value is not None:
            db.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (*key, value))


def _row(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in entry.__struct_fields__)


def _numbered(args: Sequence[Any]) -> dict[str, Any]:
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
