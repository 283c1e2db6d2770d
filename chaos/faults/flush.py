"""flush: empties the registry while it keeps running."""

from typing import ClassVar

import redis

from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_CALL_TIMEOUT_S = 2.0
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
        self._address = ""
        self._password: str | None = None

    def inject(self, context: Context) -> Evidence:
        """Count the keys, delete them and count again in one transaction, without other writes."""
        ((name, registry),) = select_victims(context, self._target, 1).items()
        self._address = registry.address or ""
        self._password = context.require_control().password(name)
        with self._client() as client, client.pipeline(transaction=True) as transaction:
            results = transaction.dbsize().flushall().dbsize().execute()
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
        if self._keys_after is None:
            return {}

        def count_if_rebuilt() -> int | None:
            with self._client() as client:
                keys = int(client.dbsize())
            return keys if keys >= _REBUILT_SHARE * self._keys_before else None

        keys = poll(count_if_rebuilt, VERIFY_S)
        if keys is None:
            raise RollbackError(
                f"the registry had {self._keys_before} keys, and not even "
                f"{_REBUILT_SHARE:.0%} as many were written again within {VERIFY_S:.0f} s"
            )
        return {"keys": keys}

    def _client(self) -> redis.Redis:
        host, _, port = self._address.rpartition(":")
        return redis.Redis(host, int(port), password=self._password, socket_timeout=_CALL_TIMEOUT_S)
