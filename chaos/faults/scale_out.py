"""scale-out: one more edge of the environment in use."""

from gauntlet.chaos.faults._processes import port_state, process_state, verify_running
from gauntlet.chaos.faults.base import Facts, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import components_named, pick
from gauntlet.core.scenario.model import Fault as Spec


class ScaleOut:
    """Starts the first edge that is only planned. It stays: there is nothing to heal."""

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._started: list[str] = []

    def inject(self, context: Context) -> Facts:
        """Start it; returns when it is healthy."""
        control = context.steering()
        environment, found = control.cutover().environment, control.components()
        self._started = pick(
            (
                name
                for name in components_named(self._target, context.plan)
                if (found[name].state, found[name].environment) == ("planned", environment)
            ),
            1,
        )
        if not self._started:
            raise FaultFailed(f"no spare {self._target} is planned in {environment}")
        control.start(self._started[0])
        return {"components": self._started}

    def prove(self, context: Context) -> Facts:
        """Its process runs, its port is open."""
        (name,) = self._started
        component = context.steering().components()[name]
        process, port = process_state(component.pid), port_state(component.address)
        proof = {name: {"pid": component.pid, "process": process, "port": port}}
        if component.state != "up" or port != "open":
            raise FaultFailed("the edge does not serve", proof)
        return proof

    def heal(self, context: Context) -> Facts:
        """Nothing."""
        return {}

    def verify(self, context: Context) -> Facts:
        """It is still up, or was taken out again by a later fault."""
        return verify_running(context, self._started)
