"""What faults on a database share: sessions on it, and whether it is still the same process."""

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.postgres import PostgresSession
from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.base import VERIFY_S, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError


class Database:
    """A PostgreSQL server that ran when the fault began."""

    def __init__(self, context: Context, target: str) -> None:
        ((self.name, self._component),) = select_victims(context, target, 1).items()
        self._password = context.require_control().password(self.name)

    @property
    def role(self) -> str:
        """The role of the server, such as `messages-db`."""
        return self._component.role

    def session(self) -> PostgresSession:
        """Return a new session, to be closed after use."""
        return PostgresSession(self._component.address or "", self._password)

    def still_runs(self, context: Context) -> bool:
        """Whether the process is the one of the beginning; one that is paused still is."""
        return self._now(context).pid == self._component.pid

    def wait_until_up(self, context: Context) -> None:
        """Wait until it runs, also if another fault holds it down; RollbackError if it does not."""
        if poll(lambda: True if self._now(context).state == "up" else None, VERIFY_S) is None:
            raise RollbackError(f"{self.name} is not up, so it cannot be healed")

    def _now(self, context: Context) -> Component:
        return context.require_control().components()[self.name]


def require(database: Database | None) -> Database:
    """Return the database of a fault that was injected."""
    if database is None:
        raise FaultFailed("the fault has not been injected")
    return database
