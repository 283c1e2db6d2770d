"""kill: ends processes by SIGKILL; they are started again at the heal."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import (
    port_state,
    process_state,
    prove_each,
    start_stopped,
    verify_running,
)
from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec


class Kill:
    """Kills running components, which the cluster holds down until the heal."""

    kind: ClassVar[FaultKind] = FaultKind(
        "kill",
        "kills processes with SIGKILL; they are started again at the heal",
        targets=("role",),
        params=VICTIM_PARAMS,
        exclusive=COUNT_OR_PERCENT,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._victims: dict[str, Component] = {}

    def inject(self, context: Context) -> Evidence:
        """Kill the components one after the other."""
        for name, component in self._choose(context).items():
            # Noted before the call: a call that is not answered may have acted anyway.
            self._victims[name] = component
            context.require_control().kill(name)
        return {"components": sorted(self._victims)}

    def _choose(self, context: Context) -> dict[str, Component]:
        """Return the components to kill, by name."""
        return choose(context, self._spec)

    def prove(self, context: Context) -> Evidence:
        """Each process is gone, its port refuses connections, and it has not been restarted."""

        def inspect(victim: Component) -> tuple[bool, Evidence]:
            process, port = process_state(victim.pid), port_state(victim.address)
            evidence = {"pid": victim.pid, "process": process, "port": port}
            return process == "gone" and port in ("refused", "none"), evidence

        return prove_each(context, self._victims, inspect)

    def heal(self, context: Context) -> Evidence:
        """Start the components that are down, and wait until they are healthy."""
        return {"started": start_stopped(context, self._victims) if self._victims else []}

    def verify(self, context: Context) -> Evidence:
        """The components are up."""
        return verify_running(context, list(self._victims))
