"""What faults on the registry share: a connection to it, and whether it is still the same."""

import redis

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.context import Context

CALL_TIMEOUT_S = 2.0


class Registry:
    """The running registry when the fault began. Its settings end with its process."""

    def __init__(self, context: Context, target: str) -> None:
        ((self.name, self._component),) = select_victims(context, target, 1).items()
        self._password = context.require_control().password(self.name)

    def client(self, timeout_s: float = CALL_TIMEOUT_S) -> redis.Redis:
        """Return a client with one connection of its own, to be closed after use."""
        host, _, port = (self._component.address or "").rpartition(":")
        return redis.Redis(host, int(port), password=self._password, socket_timeout=timeout_s)

    def still_runs(self, context: Context) -> bool:
        """Whether the process is the one of the beginning, and not a successor without settings."""
        now: Component | None = context.require_control().components().get(self.name)
        return now is not None and now.pid == self._component.pid and now.state == "up"


def require(registry: Registry | None) -> Registry:
    """Return the registry of a fault that was injected."""
    if registry is None:
        raise FaultFailed("the fault has not been injected")
    return registry
