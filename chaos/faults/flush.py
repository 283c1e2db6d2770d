"""flush: empties the registry while it keeps running."""

from typing import ClassVar

import redis

from gauntlet.chaos.faults._registry import Registry
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_REBUILT_SHARE = 0.5  # of the keys: some users may have left meanwhile


class Flush:
    """Runs FLUSHALL. The keys cannot be restored: the system must rebuild them by itself."""

    kind: ClassVar[FaultKind] = FaultKind(
        "flush",
        "empties the registry",
        targets=("registry",),
        own_end=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._keys_before = 0
        self._keys_after: int | None = None
        self._registry: Registry | None = None

    def inject(self, context: Context) -> Evidence:
        """Count the keys, delete them and count again in one transaction, without other writes."""
        self._registry = Registry(context, self._target)
        # Without retries: after a first attempt whose answer is lost, there are no keys any more.
        try:
            with (
                self._registry.client(retries=0) as client,
                client.pipeline(transaction=True) as transaction,
            ):
                results = transaction.dbsize().flushall().dbsize().execute()
        except redis.RedisError as error:
            raise FaultFailed(f"the registry did not answer to FLUSHALL: {error}") from error
        self._keys_before, _, self._keys_after = results
        return {"keys": self._keys_before}

    def prove(self, context: Context) -> Evidence:
        """There were keys before, and none afterwards."""
        proof = {"keys_before": self._keys_before, "keys_after": self._keys_after}
        if not self._keys_before or self._keys_after != 0:
            raise FaultFailed("the registry had no keys, or kept some", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Do nothing: only the edges know what was deleted."""
        return {}

    def verify(self, context: Context) -> Evidence:
        """The edges have written at least half as many keys again."""
        registry = self._registry
        if registry is None or self._keys_after is None:
            return {}

        def count_if_rebuilt() -> int | None:
            try:
                with registry.client(retries=0) as client:
                    keys = int(client.dbsize())
            except redis.RedisError:  # another fault may act on it
                return None
            return keys if keys >= _REBUILT_SHARE * self._keys_before else None

        keys = poll(count_if_rebuilt, VERIFY_S)
        if keys is None:
            raise RollbackError(
                f"the registry had {self._keys_before} keys, and not even "
                f"{_REBUILT_SHARE:.0%} as many were written again within {VERIFY_S:.0f} s"
            )
        return {"keys": keys}
