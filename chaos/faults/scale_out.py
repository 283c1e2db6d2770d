"""scale-out: one more edge of the environment in use."""

from gauntlet.chaos.faults._processes import port_state, process_state, verify_running
from gauntlet.chaos.faults.base import Evidence, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import pick, resolve_components
from gauntlet.core.scenario.model import Fault as Spec


class ScaleOut:
    """Starts the first edge that is only planned. It stays: there is nothing to heal."""

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._started: list[str] = []

    def inject(self, context: Context) -> Evidence:
        """Start it; returns when it is healthy."""
        control = context.require_control()
        environment, found = control.cutover().environment, control.components()
        self._started = pick(
            (
                name
                for name in resolve_components(self._target, context.plan)
                if (found[name].state, found[name].environment) == ("planned", environment)
            ),
            1,
        )
        if not self._started:
            raise FaultFailed(f"no spare {self._target} is planned in {environment}")
        control.start(self._started[0])
        return {"components": self._started}

    def prove(self, context: Context) -> Evidence:
        """Its process runs, its port is open."""
        (name,) = self._started
        component = context.require_control().components()[name]
        process, port = process_state(component.pid), port_state(component.address)
        proof = {name: {"pid": component.pid, "process": process, "port": port}}
        if component.state != "up" or port != "open":
            raise FaultFailed("the edge does not serve", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Nothing."""
        return {}

    def verify(self, context: Context) -> Evidence:
        """It is still up, or was taken out again by a later fault."""
        return verify_running(context, self._started)
