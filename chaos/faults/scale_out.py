"""scale-out: starts one more edge of the environment in use."""

from typing import ClassVar

from gauntlet.chaos.faults._processes import port_state, process_state, verify_running
from gauntlet.chaos.faults.base import Evidence, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import first_by_name, resolve_components
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec


class ScaleOut:
    """Starts the first edge that is only planned. The edge stays, so there is nothing to heal."""

    kind: ClassVar[FaultKind] = FaultKind(
        "scale-out",
        "starts one more edge",
        targets=("edge",),
        own_end=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._started: list[str] = []

    def inject(self, context: Context) -> Evidence:
        """Start the edge and wait until it is healthy."""
        control = context.require_control()
        environment, components = control.cutover().environment, control.components()
        spares = (
            name
            for name in resolve_components(self._target, context.plan)
            if components[name].state == "planned" and components[name].environment == environment
        )
        self._started = first_by_name(spares, 1)
        if not self._started:
            raise FaultFailed(
                f"no spare {self._target} is planned in {environment}; add `spare` edges to the "
                "layout"
            )
        control.start(self._started[0])
        return {"components": self._started}

    def prove(self, context: Context) -> Evidence:
        """The process runs and its port is open."""
        (name,) = self._started
        component = context.require_control().components()[name]
        process, port = process_state(component.pid), port_state(component.address)
        proof = {name: {"pid": component.pid, "process": process, "port": port}}
        if component.state != "up" or port != "open":
            raise FaultFailed("the edge does not accept connections", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Do nothing."""
        return {}

    def verify(self, context: Context) -> Evidence:
        """The edge is up, or a later fault has scaled it in."""
        return verify_running(context, self._started)
