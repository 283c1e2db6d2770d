"""Both databases on PostgreSQL, by asyncpg: a small pool that reconnects by itself.

A batch is read, planned here, and written by one statement that is a transaction of its own, and
that does nothing if one of its conversations has moved since: optimistic concurrency control
(Kung and Robinson, "On Optimistic Methods for Concurrency Control", 1981). So no row stays locked
while a process thinks, and one that stands still stops nobody. Whatever changes a conversation
takes its next position: a head that has not moved means that nothing has changed.

Whatever goes wrong, a call ends within twice the time-out, and a connection that misbehaved is
thrown away instead of being asked to roll back: the server rolls back when its end closes.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import asyncpg
import msgspec

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import postgres_sql as sql
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
from gauntlet.reference_server.store.messages import MessageReads

POOL_MAX = 6
WRITERS = 2  # more would make the batches smaller, and each costs the same
READERS = POOL_MAX - WRITERS  # a storm of reads must not keep the writers waiting
SCHEMA_LOCK = 7_301  # any number; two processes that create the tables at once would collide

# Classes of SQLSTATE that speak of the server, not of our rows: connection, resources,
# operator intervention (shutdown, statement time-out), system error.
_DOWN_CLASSES = ("08", "53", "57", "58")
_FOREIGN = (asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError)
_BROKEN = (OSError, TimeoutError, *_FOREIGN)
T = TypeVar("T")


class PostgresDatabase:
    """One database as a `Database`."""

    def __init__(self, url: str, schema: Sequence[str], timeout_ms: int) -> None:
        self._url = url
        self._schema = schema
        self._timeout_s = timeout_ms / 1000
        self._pool: asyncpg.Pool | None = None
        self._creating = asyncio.Lock()
        self._readers = asyncio.Semaphore(READERS)

    async def fetch(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._readers.acquire()
        except TimeoutError as error:
            raise StoreDown from error
        try:
            async with self.connection() as connection:
                return [tuple(row) for row in await connection.fetch(query, *args)]
        finally:
            self._readers.release()

    async def execute(self, query: str, *args: Any) -> None:
        # One statement outside a transaction commits as it ends: once sent, unknown.
        async with self.connection() as connection:
            try:
                await connection.execute(query, *args)
            except _BROKEN as error:
                raise StoreUncertain from error

    async def transaction(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """What `work` returns, once committed. StoreUncertain if COMMIT itself failed."""
        async with self.connection() as connection:
            await connection.execute("BEGIN")
            result = await work(connection)
            try:
                await connection.execute("COMMIT")
            except Exception as error:
                raise StoreUncertain from error
            return result

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the pool; failures become StoreDown, or StoreError for the rows' own."""
        try:
            async with asyncio.timeout(self._timeout_s):
                pool = await self._ready()
            connection = await pool.acquire(timeout=self._timeout_s)
            try:
                yield connection
            except BaseException:
                # Refused, broken, or cancelled in the middle of something.
                _discard(connection)
                raise
            finally:
                # How its connection ends says nothing about what was committed on it.
                with suppress(*_BROKEN, asyncpg.PostgresError):
                    await pool.release(connection)
        except _BROKEN as error:
            raise StoreDown from error
        except asyncpg.PostgresError as error:
            is_down = (error.sqlstate or "")[:2] in _DOWN_CLASSES
            raise (StoreDown if is_down else StoreError) from error

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()

    async def _ready(self) -> asyncpg.Pool:
        """The pool, once the tables exist."""
        async with self._creating:
            if self._pool is None:
                pool = await self._open()
                try:
                    async with pool.acquire(timeout=self._timeout_s) as connection:
                        await _create(connection, self._schema)
                except BaseException:
                    pool.terminate()
                    raise
                self._pool = pool
            return self._pool

    async def _open(self) -> asyncpg.Pool:
        timeout_ms = str(int(self._timeout_s * 1000))
        return await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=POOL_MAX,
            timeout=self._timeout_s,
            command_timeout=self._timeout_s,
            reset=_keep,
            server_settings={
                "synchronous_commit": "on",
                # Every statement looks few rows up by index. While a table is young the planner
                # would rather read all of it, and stay with that plan while the table grows.
                **dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off"),
                "statement_timeout": timeout_ms,
                # A process that stands still in a transaction must not keep rows locked.
                "idle_in_transaction_session_timeout": timeout_ms,
            },
        )


class PostgresMessageStore(MessageReads):
    """`MessageStore` on PostgreSQL; any number of processes may write at the same time.

    A conversation's marker is the id of the transaction that changed it last. The watermark is
    the lowest id still running in a snapshot (`pg_snapshot_xmin`): every transaction below it has
    ended, so is visible to the reads that follow, and whatever commits later has an id at or
    above it. A plain sequence would lose the writer that took its number early and commits late.
    """

    WATERMARK = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    writers = WRITERS

    def __init__(self, db: PostgresDatabase) -> None:
        super().__init__(db)
        self._server = db

    async def append(self, batch: Sequence[Append]) -> list[Outcome]:
        async with self._server.connection() as connection:
            decided = await _decide(connection, batch)
            try:
                if await _write(connection, decided):
                    return decided.outcomes
            except _BROKEN as error:
                raise StoreUncertain from error
        # Another writer was faster. With the rows locked first, that cannot happen twice.
        return await self._server.transaction(partial(_append_locked, batch=batch))


def _discard(connection: asyncpg.Connection) -> None:
    """Close without a word; no error of its own hides why."""
    with suppress(asyncpg.InterfaceError):  # raised when the other end has closed it already
        connection.terminate()


async def _keep(connection: asyncpg.Connection) -> None:
    """No session state of ours outlives a transaction, so there is nothing to reset."""


def _new_id() -> str:
    return secrets.token_hex(8)


async def _create(connection: asyncpg.Connection, schema: Sequence[str]) -> None:
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
        for statement in schema:
            await connection.execute(statement)


async def _append_locked(connection: asyncpg.Connection, batch: Sequence[Append]) -> list[Outcome]:
    await connection.execute(sql.CREATE, creatable(batch))
    await connection.execute(sql.LOCK, sorted({wish.conv for wish in batch}))
    decided = await _decide(connection, batch)
    if not await _write(connection, decided):
        raise StoreError
    return decided.outcomes


async def _decide(connection: asyncpg.Connection, batch: Sequence[Append]) -> Plan:
    """The plan for a batch, by what is committed now: one snapshot of all its conversations."""
    identities = [list(column) for column in zip(*map(identity, batch), strict=True)]
    has_events = any(wish.event for wish in batch)
    rows = await connection.fetch(
        sql.STATES, sorted({wish.conv for wish in batch}), has_events, *identities
    )
    states = {conv: ConvState() for conv in creatable(batch)}
    for conv, last_seq, members, since, present, connections, _ in rows:
        states[conv] = ConvState(
            last_seq,
            dict(zip(members or (), since or (), strict=True)),
            dict(zip(present or (), connections or (), strict=True)),
        )
    known: dict[Identity, Entry] = {}
    if any(row["has_known"] for row in rows[:1]):
        for row in await connection.fetch(sql.KNOWN, *identities):
            entry = Entry(*row)
            known[Identity(entry.conv, entry.sender, entry.client_msg_id)] = entry
    return plan(batch, states, known, int(time.time() * 1000), _new_id)


async def _write(connection: asyncpg.Connection, decided: Plan) -> bool:
    """Write a plan in one statement; False, and nothing, if a conversation has moved since."""
    if not decided.entries:
        return True
    expected: dict[str, int] = {}
    for entry in decided.entries:
        expected.setdefault(entry.conv, entry.seq - 1)
    try:
        await connection.execute(
            sql.WRITE,
            list(expected),
            list(expected.values()),
            list(decided.heads.values()),
            list(decided.regrouped),
            *map(list, zip(*map(msgspec.structs.astuple, decided.entries), strict=True)),
            *_columns(decided.members),
            *_columns(decided.present),
        )
    except asyncpg.SerializationError:
        return False
    return True


def _columns(changes: Mapping[tuple[str, str], int | str | None]) -> tuple[list[Any], ...]:
    return (
        [conv for conv, _ in changes],
        [member for _, member in changes],
        list(changes.values()),
    )
