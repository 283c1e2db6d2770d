"""client-pause: Redis holds back every write, and goes on answering reads."""

from typing import ClassVar

import redis

from gauntlet.chaos.faults._registry import Registry, require
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

# Redis ends the pause by itself: a run that dies must not leave the registry paused for long.
_MARGIN_S = 30.0
_WRITE_TIMEOUT_S = 0.5
_KEY = "gauntlet:probe"  # deleting a key that does not exist is a write without an effect


class ClientPause:
    """Runs CLIENT PAUSE for writes. A pause of all commands could not be ended early."""

    kind: ClassVar[FaultKind] = FaultKind(
        "client-pause",
        "holds back all writes to the registry, which goes on answering reads",
        targets=("registry",),
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._pause_ms = round((spec.for_ + _MARGIN_S) * 1_000)
        self._registry: Registry | None = None

    def inject(self, context: Context) -> Evidence:
        """Pause the writes of all clients."""
        self._registry = Registry(context, self._target)
        with self._registry.client() as client:
            client.execute_command("CLIENT", "PAUSE", self._pause_ms, "WRITE")
        return {"components": [self._registry.name]}

    def prove(self, context: Context) -> Evidence:
        """A write is not answered, and a read is."""
        writes = poll(self._write_if_held, PROVE_S, context.stop)
        with require(self._registry).client() as client:
            reads = "answered" if client.ping() else "refused"
        proof = {"write": writes or "answered", "read": reads}
        if writes is None:
            raise FaultFailed("the registry answers writes", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """End the pause; a registry that has been restarted meanwhile has none."""
        if self._registry is not None and self._registry.still_runs(context):
            with self._registry.client() as client:
                client.execute_command("CLIENT", "UNPAUSE")
        return {}

    def verify(self, context: Context) -> Evidence:
        """A write is answered."""
        if self._registry is None or not self._registry.still_runs(context):
            return {}
        answered = poll(lambda: None if self._write_if_held() else True, VERIFY_S)
        if not answered:
            raise RollbackError("the registry still holds back writes")
        return {"write": "answered"}

    def _write_if_held(self) -> str | None:
        """Try a write; return what happened instead of an answer, None if it was answered."""
        try:
            with require(self._registry).client(_WRITE_TIMEOUT_S, retries=0) as client:
                client.delete(_KEY)
        except redis.TimeoutError:
            return f"no answer within {_WRITE_TIMEOUT_S * 1_000:.0f} ms"
        return None
