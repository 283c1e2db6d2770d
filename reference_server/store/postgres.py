"""Both databases on PostgreSQL, by asyncpg: a small pool that reconnects by itself.

Whatever goes wrong, a call ends within twice the time-out, and a connection that misbehaved is
thrown away instead of being asked to roll back: the server rolls back when its end closes.
"""
# ruff: noqa: S608 - the only names put into SQL are those of our own tables and columns

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg

from reference_server.store.base import Append, Outcome, StoreDown, StoreError, StoreUncertain
from reference_server.store.messages import ENTRY_COLUMNS, MessageReads
from reference_server.store.plan import ConvState, Identity, Plan, creatable, identity, plan
from reference_server.wire import Entry

POOL_MAX = 6
WRITERS = 3
READERS = POOL_MAX - WRITERS  # a storm of reads must not keep the writers waiting
SCHEMA_LOCK = 7_301  # any number; two processes that create the tables at once would collide

# Classes of SQLSTATE that speak of the server, not of our rows: connection, resources,
# operator intervention (shutdown, statement time-out), system error.
_DOWN_CLASSES = ("08", "53", "57", "58")
_BROKEN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)
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

    async def fetch(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._readers.acquire()
        except TimeoutError as error:
            raise StoreDown from error
        try:
            async with self.connection() as connection:
                return [tuple(row) for row in await connection.fetch(sql, *args)]
        finally:
            self._readers.release()

    async def execute(self, sql: str, *args: Any) -> None:
        # One statement outside a transaction commits as it ends: once sent, unknown.
        async with self.connection() as connection:
            try:
                await connection.execute(sql, *args)
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
        async def work(connection: asyncpg.Connection) -> list[Outcome]:
            states = await _lock(connection, batch)
            known = await _known(connection, batch)
            decided = plan(batch, states, known, int(time.time() * 1000), _new_id)
            await _write(connection, decided)
            return decided.outcomes

        return await self._server.transaction(work)


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


async def _lock(connection: asyncpg.Connection, batch: Sequence[Append]) -> dict[str, ConvState]:
    """Create what is missing, then lock all rows in id order.

    All writers do both in this order, so none waits for another in a circle. What is read after
    the lock sees everything committed by whoever held it before (READ COMMITTED).
    """
    new = creatable(batch)
    if new:
        await connection.execute(
            """INSERT INTO conversations SELECT conv, 0, 0, 0 FROM unnest($1::text[]) AS conv
            ORDER BY conv ON CONFLICT DO NOTHING""",
            new,
        )
    convs = sorted({wish.conv for wish in batch})
    rows = await connection.fetch(
        "SELECT conv, last_seq FROM conversations WHERE conv = ANY($1) ORDER BY conv FOR UPDATE",
        convs,
    )
    states = {conv: ConvState(last_seq) for conv, last_seq in rows}
    for conv, member, from_seq in await connection.fetch(
        "SELECT conv, member, from_seq FROM members WHERE conv = ANY($1)", convs
    ):
        states[conv].members[member] = from_seq
    attended = sorted({wish.conv for wish in batch if wish.event})
    if attended:
        for conv, member, by in await connection.fetch(
            "SELECT conv, member, connection FROM present WHERE conv = ANY($1)", attended
        ):
            states[conv].present[member] = by
    return states


async def _known(connection: asyncpg.Connection, batch: Sequence[Append]) -> dict[Identity, Entry]:
    columns = zip(*(identity(wish) for wish in batch), strict=True)
    rows = await connection.fetch(
        f"""SELECT {ENTRY_COLUMNS} FROM messages JOIN
        unnest($1::text[], $2::text[], $3::text[]) AS asked (conv, sender, client_msg_id)
        USING (conv, sender, client_msg_id)""",
        *(list(column) for column in columns),
    )
    entries = [Entry(*row) for row in rows]
    return {Identity(each.conv, each.sender, each.client_msg_id): each for each in entries}


async def _write(connection: asyncpg.Connection, decided: Plan) -> None:
    if not decided.entries:
        return
    await connection.execute(
        f"""INSERT INTO messages ({ENTRY_COLUMNS}) SELECT * FROM unnest($1::text[], $2::bigint[],
        $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[])""",
        *([getattr(each, name) for each in decided.entries] for name in Entry.__struct_fields__),
    )
    marker = "pg_current_xact_id()::text::bigint"
    await connection.execute(
        f"""UPDATE conversations c SET last_seq = new.head, changed = {marker}
        FROM unnest($1::text[], $2::bigint[]) AS new (conv, head) WHERE c.conv = new.conv""",
        list(decided.heads),
        list(decided.heads.values()),
    )
    if decided.regrouped:
        await connection.execute(
            f"UPDATE conversations SET members_changed = {marker} WHERE conv = ANY($1)",
            list(decided.regrouped),
        )
    for (conv, member), from_seq in decided.members.items():
        await _replace(connection, "members", conv, member, from_seq)
    for (conv, member), by in decided.present.items():
        await _replace(connection, "present", conv, member, by)


async def _replace(
    connection: asyncpg.Connection, table: str, conv: str, member: str, value: int | str | None
) -> None:
    await connection.execute(f"DELETE FROM {table} WHERE conv = $1 AND member = $2", conv, member)
    if value is not None:
        await connection.execute(f"INSERT INTO {table} VALUES ($1, $2, $3)", conv, member, value)
