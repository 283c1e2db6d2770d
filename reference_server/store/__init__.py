"""The two databases: interfaces, shared SQL and one module per engine, chosen by URL scheme."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gauntlet.reference_server.store import messages, postgres_sql, sqlite, users
from gauntlet.reference_server.store.base import MessageStore, UsersStore

if TYPE_CHECKING:
    from gauntlet.reference_server.store.postgres import PostgresDatabase


POSTGRES_SCHEME = "postgresql://"


def open_messages(url: str, timeout_ms: int) -> MessageStore:
    """Return the messages DB at `sqlite:///path` or `postgresql://…`, not connected yet.

    ValueError for any other URL.
    """
    if url.startswith(sqlite.SCHEME):
        return sqlite.SqliteMessageStore(sqlite.SqliteDatabase(url, messages.SCHEMA))
    schema = (*messages.SCHEMA, postgres_sql.APPEND_PLANNED)
    database = _postgres(url, schema, timeout_ms)
    from gauntlet.reference_server.store.postgres import PostgresMessageStore

    return PostgresMessageStore(database)


def open_users(url: str, timeout_ms: int) -> UsersStore:
    """Return the users DB at `sqlite:///path` or `postgresql://…`, not connected yet.

    ValueError for any other URL.
    """
    if url.startswith(sqlite.SCHEME):
        return users.SqlUsersStore(sqlite.SqliteDatabase(url, users.SCHEMA), *users.SQLITE)
    return users.SqlUsersStore(_postgres(url, users.SCHEMA, timeout_ms), *users.POSTGRES)


def _postgres(url: str, schema: Sequence[str], timeout_ms: int) -> "PostgresDatabase":
    if not url.startswith(POSTGRES_SCHEME):
        raise ValueError(f"no database engine for {url!r}; known: sqlite://, postgresql://")
    # asyncpg is an optional dependency, needed for PostgreSQL only.
    from gauntlet.reference_server.store.postgres import PostgresDatabase

    return PostgresDatabase(url, schema, timeout_ms)
