"""A superuser's session on a PostgreSQL server of the stack, for callers without an event loop."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from gauntlet.core.errors import StackError

# As the stack creates them; see `gauntlet.reference_server.cluster.engines.postgres`.
USER, DATABASE = "im", "postgres"
# By which faults tell their own sessions from those of the services.
APPLICATION = "gauntlet-fault"
CALL_TIMEOUT_S = 5.0

T = TypeVar("T")


class DatabaseError(StackError):
    """The server refused a statement, with a SQLSTATE, or did not answer, without one."""

    def __init__(self, message: str, sqlstate: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class PostgresSession:
    """One connection, to be used by one thread at a time. Errors are raised as DatabaseError."""

    def __init__(self, address: str, password: str | None) -> None:
        # An extra of the distribution: only a stack with PostgreSQL needs it.
        import asyncpg

        self._errors = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
        host, _, port = address.rpartition(":")
        self._loop = asyncio.new_event_loop()
        try:
            self._connection = self._run(
                asyncpg.connect(
                    host=host,
                    port=int(port),
                    user=USER,
                    database=DATABASE,
                    password=password,
                    ssl=False,
                    timeout=CALL_TIMEOUT_S,
                    command_timeout=CALL_TIMEOUT_S,
                    server_settings={"application_name": APPLICATION},
                )
            )
        except DatabaseError:
            self._loop.close()
            raise

    def fetch(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self._run(self._connection.fetch(query, *args))]

    def execute(self, *statements: str) -> None:
        """Execute statements one after the other."""
        for statement in statements:
            self._run(self._connection.execute(statement))

    def close(self) -> None:
        """End the session, and with it its transaction; does nothing if it has ended."""
        if self._loop.is_closed():
            return
        with suppress(DatabaseError):
            self._run(self._connection.close(timeout=CALL_TIMEOUT_S))
        self._loop.run_until_complete(asyncio.sleep(0))  # until the socket is closed
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, work: Awaitable[T]) -> T:
        try:
            return self._loop.run_until_complete(work)
        except self._errors as error:
            reason = str(error) or type(error).__name__
            sqlstate = getattr(error, "sqlstate", None) or ""
            raise DatabaseError(f"PostgreSQL: {reason}", sqlstate) from error
