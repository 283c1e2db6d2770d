"""scale-in: drains one edge, which then stops."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import RefusedError
from gauntlet.chaos.faults._processes import process_state, select_victims, verify_running
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_FINISH_TIMEOUT_S = 30.0  # after the drain, the remaining clients are closed in waves
_LEAVING_STATES = ("draining", "held")  # held: it has no clients left, and its process is ending


class ScaleIn:
    """Drains the first running edge. The fault heals itself when the edge has stopped."""

    kind: ClassVar[FaultKind] = FaultKind(
        "scale-in",
        "drains one edge, which then stops",
        targets=("edge",),
        params={
            "drain": Param("duration", "4s", "time over which its clients are asked to reconnect"),
        },
        own_end=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._drain_s = float(param(spec, "drain"))
        self._name = ""
        self._pid: int | None = None

    def inject(self, context: Context) -> Evidence:
        """Start the drain."""
        ((name, component),) = select_victims(context, self._target, 1).items()
        # Noted before the call: a call that is not answered may have acted anyway.
        self._name, self._pid = name, component.pid
        try:
            context.require_control().drain(name, drain_ms=round(self._drain_s * 1000))
        except RefusedError:
            self._name = ""
            raise
        return {"components": [name], "drain_ms": round(self._drain_s * 1000)}

    def prove(self, context: Context) -> Evidence:
        """The edge is being drained, or has been."""
        proof = {self._name: self._state(context)}
        if proof[self._name] not in (*_LEAVING_STATES, "planned"):
            raise FaultFailed("the edge is not being drained", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Wait for the end; raises FaultFailed if the edge kept its clients and is still up."""
        if self._name:
            timeout_s = self._drain_s + _FINISH_TIMEOUT_S
            poll(lambda: self._state(context) not in _LEAVING_STATES or None, timeout_s)
            if self._state(context) == "up":
                raise FaultFailed(f"{self._name} kept its clients", {self._name: "up"})
        return {}

    def verify(self, context: Context) -> Evidence:
        """The edge is planned and its process is gone; or it is up as before."""
        if not self._name:
            return {}
        state, process = self._state(context), process_state(self._pid)
        if state == "up":
            return verify_running(context, [self._name])
        if (state, process) != ("planned", "gone"):
            raise RollbackError(f"{self._name} is {state}, its process is {process}")
        return {self._name: state}

    def _state(self, context: Context) -> str:
        return context.require_control().components()[self._name].state
