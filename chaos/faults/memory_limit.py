"""memory-limit: the registry has no memory left, so it evicts keys or refuses writes."""

from typing import Any, ClassVar

import redis

from gauntlet.chaos.faults._registry import Registry, require
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_POLICIES = {"evict": "allkeys-random", "refuse": "noeviction"}
_LIMIT_BYTES = 1  # no server fits into it; 0 would mean that there is no limit
_KEY = "gauntlet:probe"


class MemoryLimit:
    """Sets Redis's `maxmemory` below what it uses, and restores it and the policy at the heal."""

    kind: ClassVar[FaultKind] = FaultKind(
        "memory-limit",
        "limits the memory of the registry, which then evicts keys or refuses writes",
        targets=("registry",),
        params={
            "policy": Param(
                "choice",
                "evict",
                "evict all keys and refuse new ones, or only refuse",
                tuple(_POLICIES),
            )
        },
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._policy: str = param(spec, "policy")
        self._registry: Registry | None = None
        self._before: dict[str, Any] = {}
        self._evicted_before = 0

    def inject(self, context: Context) -> Evidence:
        """Note the settings, and replace them."""
        registry = self._registry = Registry(context, self._target)
        with registry.client() as client:
            self._before = client.config_get("maxmemory*")
            self._evicted_before = _evicted(client)
            client.config_set("maxmemory-policy", _POLICIES[self._policy])
            client.config_set("maxmemory", _LIMIT_BYTES)
        return {"components": [registry.name]}

    def prove(self, context: Context) -> Evidence:
        """A write is refused and, with the policy `evict`, keys have been evicted."""

        def acts() -> Evidence | None:
            with require(self._registry).client() as client:
                refused = _refuses(client)  # first: an eviction that goes on refuses nothing
                evicted = _evicted(client) - self._evicted_before
            last.update(evicted_keys=evicted, write="refused" if refused else "accepted")
            return last if refused and (evicted or self._policy != "evict") else None

        last: Evidence = {}
        if poll(acts, PROVE_S, context.stop) is None:
            raise FaultFailed("the registry does not lack memory, or had no keys to evict", last)
        return last

    def heal(self, context: Context) -> Evidence:
        """Restore the settings; a registry that has been restarted meanwhile has its own."""
        if self._before and require(self._registry).still_runs(context):
            with require(self._registry).client() as client:
                for name in ("maxmemory", "maxmemory-policy"):
                    client.config_set(name, self._before[name])
        return {}

    def verify(self, context: Context) -> Evidence:
        """The settings are those of before, and a write is accepted."""
        if not self._before or not require(self._registry).still_runs(context):
            return {}
        with require(self._registry).client() as client:
            settings, refused = client.config_get("maxmemory*"), _refuses(client)
        if settings != self._before or refused:
            raise RollbackError(f"the registry still lacks memory: {settings}")
        return {"maxmemory": settings["maxmemory"], "write": "accepted"}


def _evicted(client: redis.Redis) -> int:
    return int(client.info("stats")["evicted_keys"])


def _refuses(client: redis.Redis) -> bool:
    """Whether the registry refuses to store a key for lack of memory."""
    try:
        client.set(_KEY, 1, px=1)
    except redis.exceptions.OutOfMemoryError:
        return True
    return False
