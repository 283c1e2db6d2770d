"""pause: suspends processes while their connections stay open; they resume at the heal."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import (
    process_state,
    prove_each,
    verify_running,
)
from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec


class Pause:
    """Sends SIGSTOP to running components and their child processes."""

    kind: ClassVar[FaultKind] = FaultKind(
        "pause",
        "suspends processes with SIGSTOP; they resume at the heal",
        targets=("role",),
        params=VICTIM_PARAMS,
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._victims: dict[str, Component] = {}

    def inject(self, context: Context) -> Evidence:
        """Pause the components one after the other."""
        for name, component in choose(context, self._spec).items():
            # Noted before the call: a call that is not answered may have acted anyway.
            self._victims[name] = component
            context.require_control().pause(name)
        return {"components": sorted(self._victims)}

    def prove(self, context: Context) -> Evidence:
        """The operating system reports each process as stopped."""

        def inspect(victim: Component) -> tuple[bool, Evidence]:
            process = process_state(victim.pid)
            return process == "stopped", {"pid": victim.pid, "process": process}

        return prove_each(context, self._victims, inspect)

    def heal(self, context: Context) -> Evidence:
        """Resume the components that are paused."""
        components = context.require_control().components() if self._victims else {}
        paused = [name for name in self._victims if components[name].state == "paused"]
        for name in paused:
            context.require_control().resume(name)
        return {"resumed": paused}

    def verify(self, context: Context) -> Evidence:
        """The components are up, and their processes are not stopped."""
        return verify_running(context, list(self._victims))
