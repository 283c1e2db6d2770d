"""scale-in: one edge is drained of its clients, and ends."""

from gauntlet.chaos.clients.cluster_control import RefusedError
from gauntlet.chaos.faults._processes import process_state, verify_running, victims
from gauntlet.chaos.faults.base import Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.scenario.model import Fault as Spec

_FINISH_S = 30.0  # beyond the drain itself: stragglers get their time, then waves
_GOING = ("draining", "held")  # held: nobody is left on it, and its process ends


class ScaleIn:
    """Drains the first running edge. It heals itself when the edge is gone, however long `for`."""

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._drain_s = float(param(spec, "drain"))
        self._name = ""
        self._pid: int | None = None

    def inject(self, context: Context) -> Evidence:
        """Begin the drain."""
        ((name, component),) = victims(context, self._target, 1).items()
        # Before the call: it may act and yet not be answered.
        self._name, self._pid = name, component.pid
        try:
            context.require_control().drain(name, drain_ms=round(self._drain_s * 1000))
        except RefusedError:
            self._name = ""
            raise
        return {"components": [name], "drain_ms": round(self._drain_s * 1000)}

    def prove(self, context: Context) -> Evidence:
        """The cluster drains it, or has done so."""
        proof = {self._name: self._state(context)}
        if proof[self._name] not in (*_GOING, "planned"):
            raise FaultFailed("the edge is not drained", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Wait for the end; FaultFailed if the edge kept its clients, and serves them on."""
        if self._name:
            poll(lambda: self._state(context) not in _GOING or None, self._drain_s + _FINISH_S)
            if self._state(context) == "up":
                raise FaultFailed(f"{self._name} kept its clients", {self._name: "up"})
        return {}

    def verify(self, context: Context) -> Evidence:
        """It is planned again, its process gone; or it is up as before, and that runs."""
        if not self._name:
            return {}
        state, process = self._state(context), process_state(self._pid)
        if state == "up":
            return verify_running(context, [self._name])
        if (state, process) != ("planned", "gone"):
            raise RollbackError(f"{self._name} is {state}, its process {process}")
        return {self._name: state}

    def _state(self, context: Context) -> str:
        return context.require_control().components()[self._name].state
