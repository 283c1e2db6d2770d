"""lock-table: a session holds a lock on a table, as a migration does, and all others wait."""

from typing import ClassVar

from gauntlet.chaos.clients.postgres import PostgresSession
from gauntlet.chaos.faults._database import Database, require
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

# A single table of each database: to lock several ones could deadlock with transactions of others.
_TABLES = {"messages-db": "messages", "users-db": "pairs"}
_MODES = {"all": "ACCESS EXCLUSIVE", "writes": "EXCLUSIVE"}
_WAIT_MAX = "4s"  # for the lock itself, behind the transactions in progress
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE $1::int = ANY (pg_blocking_pids(pid))"
_HELD = """
SELECT count(*) FROM pg_locks
WHERE pid = $1::int AND relation = $2::text::regclass AND granted AND mode LIKE '%ExclusiveLock'
"""


class LockTable:
    """Runs LOCK TABLE in a transaction that stays open until the heal.

    The server ends the transaction by itself when its connection ends, as at the end of a run that
    dies.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "lock-table",
        "locks the table of messages or of friends against writes, or against all access",
        targets=("messages-db", "users-db"),
        params={
            "mode": Param("choice", "all", "hold back all access, or only writes", tuple(_MODES))
        },
        stack="full",
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._mode = _MODES[param(spec, "mode")]
        self._database: Database | None = None
        self._holder: PostgresSession | None = None
        self._pid = 0
        self._table = ""
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Lock the table in a session of its own."""
        database = self._database = Database(context, self._target)
        self._table = _TABLES[database.role]
        holder = self._holder = database.session()
        ((self._pid,),) = holder.fetch("SELECT pg_backend_pid()")
        holder.execute(
            "BEGIN",
            f"SET LOCAL lock_timeout = '{_WAIT_MAX}'",
            f"LOCK TABLE {self._table} IN {self._mode} MODE",
        )
        return {"components": [database.name], "table": self._table, "mode": self._mode}

    def prove(self, context: Context) -> Evidence:
        """The lock is held, and at least one other session waits for it."""
        last: Evidence = {}

        def someone_waits() -> bool | None:
            with require(self._database).session() as session:
                ((last["held"],),) = session.fetch(_HELD, self._pid, self._table)
                ((last["waiting"],),) = session.fetch(_WAITING, self._pid)
            return bool(last["held"] and last["waiting"]) or None

        if poll(someone_waits, PROVE_S, context.stop):
            return last
        self._unproven = last
        return {}

    def heal(self, context: Context) -> Evidence:
        """End the session, and with it the lock."""
        if self._holder is not None:
            self._holder.close()
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """The lock is held no more; a server that was restarted meanwhile has none."""
        if not self._pid or not require(self._database).still_runs(context):
            return {}
        require(self._database).wait_until_up(context)

        def released() -> bool | None:
            with require(self._database).session() as session:
                ((held,),) = session.fetch(_HELD, self._pid, self._table)
            return held == 0 or None

        if not poll(released, VERIFY_S):
            raise RollbackError(f"the table {self._table} is still locked")
        return {"held": 0}
