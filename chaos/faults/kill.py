"""kill: processes end without a word; they start again at the heal."""

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import (
    port_state,
    process_state,
    prove_each,
    verify_running,
    victims,
)
from gauntlet.chaos.faults.base import Evidence, param
from gauntlet.chaos.faults.context import Context
from gauntlet.core.scenario.model import Fault as Spec


class Kill:
    """SIGKILL to `count` running components (None: all); held down by the cluster until healed."""

    def __init__(self, spec: Spec, count: int | None) -> None:
        self._target = spec.target
        self._count = count
        self._hit: dict[str, Component] = {}

    @classmethod
    def of(cls, spec: Spec) -> "Kill":
        """The fault `kill`, with its parameter."""
        return cls(spec, int(param(spec, "count")))

    def inject(self, context: Context) -> Evidence:
        """Kill them, one right after the other."""
        for name, component in victims(context, self._target, self._count).items():
            self._hit[name] = component  # before the call: it may act and yet not be answered
            context.require_control().kill(name)
        return {"components": sorted(self._hit)}

    def prove(self, context: Context) -> Evidence:
        """Each process is gone, its port refuses, and the cluster does not bring it back."""

        def look(victim: Component) -> tuple[bool, Evidence]:
            process, port = process_state(victim.pid), port_state(victim.address)
            facts = {"pid": victim.pid, "process": process, "port": port}
            return process == "gone" and port in ("refused", "none"), facts

        return prove_each(context, self._hit, look)

    def heal(self, context: Context) -> Evidence:
        """Start what is held down; returns when it is healthy."""
        found = context.require_control().components() if self._hit else {}
        held = [name for name in self._hit if found[name].state == "held"]
        for name in held:
            context.require_control().start(name)
        return {"started": held}

    def verify(self, context: Context) -> Evidence:
        """They are up again."""
        return verify_running(context, list(self._hit))
