"""pause: processes stand still, their connections stay open; they go on at the heal."""

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import process_state, prove_each, verify_running, victims
from gauntlet.chaos.faults.base import Evidence, param
from gauntlet.chaos.faults.context import Context
from gauntlet.core.scenario.model import Fault as Spec


class Pause:
    """SIGSTOP to `count` running components, with their children."""

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._count = int(param(spec, "count"))
        self._hit: dict[str, Component] = {}

    def inject(self, context: Context) -> Evidence:
        """Stop them where they stand."""
        for name, component in victims(context, self._target, self._count).items():
            self._hit[name] = component  # before the call: it may act and yet not be answered
            context.require_control().pause(name)
        return {"components": sorted(self._hit)}

    def prove(self, context: Context) -> Evidence:
        """The system says of each process that it is stopped."""

        def look(victim: Component) -> tuple[bool, Evidence]:
            process = process_state(victim.pid)
            return process == "stopped", {"pid": victim.pid, "process": process}

        return prove_each(context, self._hit, look)

    def heal(self, context: Context) -> Evidence:
        """Let them go on."""
        found = context.require_control().components() if self._hit else {}
        paused = [name for name in self._hit if found[name].state == "paused"]
        for name in paused:
            context.require_control().resume(name)
        return {"resumed": paused}

    def verify(self, context: Context) -> Evidence:
        """They are up, and not stopped any more."""
        return verify_running(context, list(self._hit))
