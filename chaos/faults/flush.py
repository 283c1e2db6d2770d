"""flush: the registry forgets everything, and goes on."""

import redis

from gauntlet.chaos.faults._processes import victims
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.scenario.model import Fault as Spec

_ANSWER_S = 2.0
_REBUILT_SHARE = 0.5  # who was registered may have left meanwhile


class Flush:
    """FLUSHALL. Nothing can be put back: the system must rebuild what it needs by itself."""

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._keys_before = 0
        self._keys_after: int | None = None
        self._address = ""

    def inject(self, context: Context) -> Evidence:
        """Count the keys, drop them, and count again before anybody can write one."""
        ((_, registry),) = victims(context, self._target, 1).items()
        self._address = registry.address or ""
        with self._client() as client, client.pipeline(transaction=True) as transaction:
            found = transaction.dbsize().flushall().dbsize().execute()
        self._keys_before, _, self._keys_after = found
        return {"keys": self._keys_before}

    def prove(self, context: Context) -> Evidence:
        """There were keys, and then there was none."""
        proof = {"keys_before": self._keys_before, "keys_after": self._keys_after}
        if not self._keys_before or self._keys_after != 0:
            raise FaultFailed("the registry was not emptied of anything", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Nothing: what was forgotten is known to the edges alone."""
        return {}

    def verify(self, context: Context) -> Evidence:
        """The registry has been filled again."""
        if self._keys_after is None:
            return {}

        def filled() -> int | None:
            with self._client() as client:
                keys = int(client.dbsize())
            return keys if keys >= _REBUILT_SHARE * self._keys_before else None

        keys = poll(filled, VERIFY_S)
        if keys is None:
            raise RollbackError(f"the registry's {self._keys_before} keys were not written again")
        return {"keys": keys}

    def _client(self) -> redis.Redis:
        host, _, port = self._address.rpartition(":")
        return redis.Redis(host, int(port), socket_timeout=_ANSWER_S)
