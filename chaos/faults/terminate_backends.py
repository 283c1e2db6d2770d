"""terminate-backends: PostgreSQL ends the sessions of all its clients, once or repeatedly."""

from typing import ClassVar

from gauntlet.chaos.clients.postgres import APPLICATION
from gauntlet.chaos.faults._database import Database, require
from gauntlet.chaos.faults._repetition import Repetition
from gauntlet.chaos.faults.base import PROVE_S, Evidence, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_TERMINATE = """
SELECT pid FROM pg_stat_activity
WHERE backend_type = 'client backend' AND application_name <> $1 AND pg_terminate_backend(pid)
"""
_LEFT = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1::int[])"


class TerminateBackends:
    """Runs `pg_terminate_backend` for every session that is not a fault's own."""

    kind: ClassVar[FaultKind] = FaultKind(
        "terminate-backends",
        "ends the sessions of all clients of a PostgreSQL server, once or repeatedly",
        targets=("messages-db", "users-db"),
        params={
            "every": Param(
                "duration", None, "end them again this often until the heal", positive=True
            )
        },
        within=(("every", "ends nothing again"),),
        stack="full",
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._every_s: float | None = param(spec, "every")
        self._database: Database | None = None
        self._ended: list[int] = []
        self._repetition: Repetition | None = None
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """End the sessions, and begin to repeat it if that is wanted."""
        self._database = Database(context, self._target)
        self._terminate()
        if self._every_s is not None:
            self._repetition = Repetition(self._every_s, self._terminate)
            self._repetition.start()
        return {"components": [self._database.name]}

    def prove(self, context: Context) -> Evidence:
        """At least one session was ended, and none of the first ones is left."""
        first = list(self._ended)
        last: Evidence = {"terminated": len(first)}

        def none_left() -> bool | None:
            with require(self._database).session() as session:
                ((last["left"],),) = session.fetch(_LEFT, first)
            return last["left"] == 0 or None

        gone = poll(none_left, PROVE_S, context.stop)
        if first and gone:
            return last
        self._unproven = last
        return {}

    def heal(self, context: Context) -> Evidence:
        """Repeat it no more; clients connect again by themselves."""
        if self._repetition is not None:
            self._repetition.stop()
        detail: Evidence = {"terminated": len(self._ended)} if self._database else {}
        return {**detail, "unproven": self._unproven} if self._unproven else detail

    def verify(self, context: Context) -> Evidence:
        """The server answers a new session; one that another fault holds down is not asked."""
        if self._database is None or not self._database.still_runs(context):
            return {}
        self._database.wait_until_up(context)
        with self._database.session() as session:
            session.execute("SELECT 1")
        return {"session": "answered"}

    def _terminate(self) -> None:
        with require(self._database).session() as session:
            self._ended += [pid for (pid,) in session.fetch(_TERMINATE, APPLICATION)]
