"""Both databases on PostgreSQL, through asyncpg and a small pool that reconnects by itself.

A batch is read, planned in this process and written by a single statement, which is a transaction
of its own and writes nothing if the head of one of its conversations has moved since the read:
optimistic concurrency control (Kung and Robinson, "On Optimistic Methods for Concurrency Control",
1981). No row stays locked while a process plans, and a paused process blocks no other. Every change
of a conversation takes its next position, so a head that has not moved means that nothing changed.

Every call ends within twice the time-out. A connection on which anything failed is discarded
instead of being rolled back: the server rolls back when the connection closes.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import asyncpg
import msgspec

from gauntlet.reference_server.core import clock
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store import postgres_sql as sql
from gauntlet.reference_server.store.append_plan import (
    DIRECTS_MAX,
    ROOMS_MAX,
    AppendPlan,
    ConversationState,
    Identity,
    added_users,
    creatable,
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
from gauntlet.reference_server.store.messages import MessageReader

POOL_MAX = 6
WRITERS = 2  # more writers would make batches smaller, at the same cost per batch
READERS = POOL_MAX - WRITERS  # so that many reads cannot keep the writers waiting
SCHEMA_LOCK = 7_301  # an arbitrary number; keeps two processes from creating the tables together

# Classes of SQLSTATE that concern the server and not the rows: connection, resources, operator
# intervention (shutdown, statement time-out), system error.
_DOWN_CLASSES = ("08", "53", "57", "58")
# read_only_sql_transaction: the server accepts no writes, such as a standby.
_DOWN_STATES = ("25006",)
_CLIENT_ERRORS = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)
_BROKEN = (OSError, TimeoutError, *_CLIENT_ERRORS)
T = TypeVar("T")


_encode = msgspec.json.Encoder().encode


# The rows in which a batch is passed; `postgres_sql` names their fields.


class _Id(msgspec.Struct):
    conv: str
    sender: str
    client_msg_id: str


class _Head(msgspec.Struct):
    conv: str
    expected: int
    head: int = 0
    regrouped: bool = False


class _Change(msgspec.Struct):
    conv: str
    member: str
    value: int | str | None


class PostgresDatabase:
    """A PostgreSQL database that implements `Database`."""

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
        # A statement outside a transaction commits when it ends, so once it is sent a failure
        # leaves the outcome unknown.
        async with self.connection() as connection:
            try:
                await connection.execute(query, *args)
            except _BROKEN as error:
                raise StoreUncertain from error

    async def transaction(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Return the result of `work` once committed. StoreUncertain if COMMIT itself failed."""
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
        """A connection of the pool. Failures become StoreDown, or StoreError if caused by rows."""
        try:
            async with asyncio.timeout(self._timeout_s):
                pool = await self._ready()
            connection = await pool.acquire(timeout=self._timeout_s)
            try:
                yield connection
            except BaseException:
                # Its session may be in the middle of anything: refused, broken or cancelled.
                _discard(connection)
                raise
            finally:
                # An error while releasing does not concern what was committed.
                with suppress(*_BROKEN, asyncpg.PostgresError):
                    await pool.release(connection)
        except _BROKEN as error:
            raise StoreDown from error
        except asyncpg.PostgresError as error:
            state = error.sqlstate or ""
            is_down = state[:2] in _DOWN_CLASSES or state in _DOWN_STATES
            raise (StoreDown if is_down else StoreError) from error

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()

    async def _ready(self) -> asyncpg.Pool:
        """Return the pool after creating the tables if they are missing."""
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
            reset=_skip_reset,
            server_settings={
                "synchronous_commit": "on",
                # Every statement finds a few rows by an index. While a table is small, the planner
                # would prefer to scan it and keep that plan while the table grows.
                **dict.fromkeys(("enable_seqscan", "enable_hashjoin", "enable_mergejoin"), "off"),
                "statement_timeout": timeout_ms,
                # A process that is paused within a transaction must not keep rows locked.
                "idle_in_transaction_session_timeout": timeout_ms,
            },
        )


class PostgresMessageStore(MessageReader):
    """`MessageStore` on PostgreSQL; any number of processes may write at the same time.

    A conversation's marker is the id of the transaction that changed it last. The watermark is
    the lowest id still running in a snapshot (`pg_snapshot_xmin`): every transaction below it has
    ended and is visible to later reads, and every later commit has an id at or above it. A plain
    sequence would miss a writer that takes its number early and commits late.
    """

    WATERMARK = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    writers = WRITERS

    def __init__(self, db: PostgresDatabase) -> None:
        super().__init__(db)
        self._server = db

    async def append(self, batch: Sequence[AppendRequest]) -> list[Outcome]:
        async with self._server.connection() as connection:
            plan = await _plan(connection, batch)
            try:
                if await _write(connection, plan):
                    return plan.outcomes
            except _BROKEN as error:
                raise StoreUncertain from error
        # Another writer changed a conversation first. That cannot happen again with locked rows.
        return await self._server.transaction(partial(_append_locked, batch=batch))


def _discard(connection: asyncpg.Connection) -> None:
    """Close immediately, without an error that would hide the original one."""
    with suppress(asyncpg.InterfaceError):  # raised if the server has already closed it
        connection.terminate()


async def _skip_reset(connection: asyncpg.Connection) -> None:
    """Reset nothing: no session state outlives a transaction here."""


def _new_id() -> str:
    return secrets.token_hex(8)


async def _create(connection: asyncpg.Connection, schema: Sequence[str]) -> None:
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
        for statement in schema:
            await connection.execute(statement)


async def _append_locked(
    connection: asyncpg.Connection, batch: Sequence[AppendRequest]
) -> list[Outcome]:
    created = creatable(batch)
    await connection.execute(sql.CREATE, created)
    await connection.execute(sql.LOCK, sorted({request.conv for request in batch}))
    await connection.execute(sql.LOCK_USERS, added_users(batch))
    plan = await _plan(connection, batch)
    if not await _write(connection, plan):
        raise StoreError
    await connection.execute(sql.REMOVE_EMPTY, created)  # whose founding was refused
    return plan.outcomes


async def _plan(connection: asyncpg.Connection, batch: Sequence[AppendRequest]) -> AppendPlan:
    """Plan a batch on one snapshot of all its conversations as they are committed now."""
    identities = _json([_Id(each.conv, each.sender, each.client_msg_id) for each in batch])
    has_events = any(request.event for request in batch)
    rows = await connection.fetch(sql.STATES, identities, has_events)
    rooms = dict.fromkeys(added_users(batch), 0)
    if rooms:
        rooms.update(await connection.fetch(sql.COUNTS, list(rooms), ROOMS_MAX, "r.%"))
    directs: dict[str, int] = {}
    states = {conv: ConversationState(rooms=rooms, directs=directs) for conv in creatable(batch)}
    for conv, last_seq, members, since, present, connections, _ in rows:
        states[conv] = ConversationState(
            last_seq,
            dict(zip(members or (), since or (), strict=True)),
            dict(zip(present or (), connections or (), strict=True)),
            rooms,
            directs,
        )
    if users := users_of_new_directs(states):
        directs.update(await connection.fetch(sql.COUNTS, users, DIRECTS_MAX, "d.%"))
    known: dict[Identity, Entry] = {}
    if any(row["has_known"] for row in rows[:1]):
        for row in await connection.fetch(sql.KNOWN, identities):
            entry = Entry(*row)
            known[Identity(entry.conv, entry.sender, entry.client_msg_id)] = entry
    return plan_appends(batch, states, known, clock.now_ms(), _new_id)


async def _write(connection: asyncpg.Connection, plan: AppendPlan) -> bool:
    """Write a plan in one statement; write nothing and return False if a head has moved.

    Or if others have added a user to so many rooms meanwhile that one more would be too many.
    """
    if not plan.entries:
        return True
    heads: dict[str, _Head] = {}
    for entry in plan.entries:
        head = heads.setdefault(entry.conv, _Head(entry.conv, entry.seq - 1))
        head.head = entry.seq
    for conv in heads.keys() & plan.membership_changed:
        heads[conv].regrouped = True
    try:
        await connection.execute(
            sql.WRITE,
            _json(list(heads.values())),
            _json(plan.entries),
            _json(_changes(plan.members)),
            _json(_changes(plan.present)),
            list(plan.rooms_max),
            list(plan.rooms_max.values()),
        )
    except asyncpg.SerializationError:
        return False
    return True


def _changes(changes: Mapping[tuple[str, str], int | str | None]) -> list[_Change]:
    return [_Change(conv, member, value) for (conv, member), value in changes.items()]


def _json(rows: Sequence[msgspec.Struct]) -> str:
    return _encode(rows).decode()
