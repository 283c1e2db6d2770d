"""read-only: PostgreSQL refuses every write, and goes on answering reads."""

from typing import ClassVar

from gauntlet.chaos.clients.postgres import DatabaseError
from gauntlet.chaos.faults._database import Database, require
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_READ_ONLY = "25006"  # the SQLSTATE read_only_sql_transaction
_SETTING = "default_transaction_read_only"
# A write that changes nothing: it is refused anyway.
_PROBES = {
    "messages-db": "DELETE FROM messages WHERE false",
    "users-db": "DELETE FROM pairs WHERE false",
}


class ReadOnly:
    """Sets `default_transaction_read_only`, also for the sessions that are open already.

    `ALTER SYSTEM` is itself allowed then. The setting survives a restart of the server, so it is
    healed in any case.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "read-only",
        "makes a PostgreSQL server refuse all writes, and go on answering reads",
        targets=("messages-db", "users-db"),
        stack="full",
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._database: Database | None = None
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Set it, and let all sessions read their settings again."""
        self._database = Database(context, self._target)
        with self._database.session() as session:
            session.execute(f"ALTER SYSTEM SET {_SETTING} = on", "SELECT pg_reload_conf()")
        return {"components": [self._database.name]}

    def prove(self, context: Context) -> Evidence:
        """A write is refused, and a read is answered."""
        last: Evidence = {}

        def refused() -> bool | None:
            last["write"] = self._write()
            return last["write"] == "refused" or None

        if not poll(refused, PROVE_S, context.stop):
            self._unproven = last
            return {}
        with require(self._database).session() as session:
            session.execute("SELECT 1")
        return {**last, "sqlstate": _READ_ONLY, "read": "answered"}

    def heal(self, context: Context) -> Evidence:
        """Reset it, and let all sessions read their settings again."""
        if self._database is not None:
            self._database.wait_until_up(context)
            with self._database.session() as session:
                session.execute(f"ALTER SYSTEM RESET {_SETTING}", "SELECT pg_reload_conf()")
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """A write is accepted."""
        if self._database is None:
            return {}
        if not poll(lambda: self._write() == "accepted" or None, VERIFY_S):
            raise RollbackError(f"{self._database.name} still refuses writes")
        return {"write": "accepted"}

    def _write(self) -> str:
        """Try a write in a new session; return `accepted` or `refused`."""
        database = require(self._database)
        with database.session() as session:
            try:
                session.execute(_PROBES[database.role])
            except DatabaseError as error:
                if error.sqlstate != _READ_ONLY:
                    raise
                return "refused"
        return "accepted"
