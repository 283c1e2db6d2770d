"""What faults on the registry share: a connection to it, and whether it is still the same."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.base import VERIFY_S, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError

CALL_TIMEOUT_S = 2.0
_RETRIES = 3


class Registry:
    """The running registry when the fault began. Its settings end with its process."""

    def __init__(self, context: Context, target: str) -> None:
        ((self.name, self._component),) = select_victims(context, target, 1).items()
        self._password = context.require_control().password(self.name)

    def client(self, timeout_s: float = CALL_TIMEOUT_S, retries: int = _RETRIES) -> redis.Redis:
        """Return a client with one connection of its own, to be closed after use.

        The time-out is that of one attempt. By default, Redis's client would retry ten times.
        """
        host, _, port = (self._component.address or "").rpartition(":")
        return redis.Redis(
            host,
            int(port),
            password=self._password,
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), retries),
        )

    def still_runs(self, context: Context) -> bool:
        """Whether the process is the one of the beginning, and not a successor without settings.

        A process that another fault has paused still has its settings, and is waited for. Raises
        RollbackError if it does not go on in time.
        """

        def found() -> bool | None:
            now: Component | None = context.require_control().components().get(self.name)
            if now is None or now.pid != self._component.pid:
                return False
            return True if now.state == "up" else None

        runs = poll(found, VERIFY_S)
        if runs is None:
            raise RollbackError(f"{self.name} is not up, so its settings cannot be restored")
        return runs


def require(registry: Registry | None) -> Registry:
    """Return the registry of a fault that was injected."""
    if registry is None:
        raise FaultFailed("the fault has not been injected")
    return registry
