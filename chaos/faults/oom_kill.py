"""oom-kill: a control group has no memory left, so the kernel kills the processes in it."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults._control_group import create_groups, observe_all, remove_groups
from gauntlet.chaos.faults._processes import process_state, start_stopped, verify_running
from gauntlet.chaos.faults.base import Evidence
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import unproven
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import StackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

# What processes use already counts for the group that they come from: the next page is too much.
_LIMIT_BYTES = 4_096


class OomKill:
    """Makes the kernel's OOM killer end running components, which the cluster starts again."""

    kind: ClassVar[FaultKind] = FaultKind(
        "oom-kill",
        "takes all memory from processes, so that the kernel kills them",
        targets=("role",),
        params=VICTIM_PARAMS,
        exclusive=COUNT_OR_PERCENT,
        own_end=True,
        supervised=True,
        instead="kill",
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._victims: dict[str, Component] = {}
        self._groups: dict[str, ControlGroup] = {}
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Create a group for each component, limit it, and move the processes into it.

        Where there can be no groups, nothing is done, and there is no proof, but the reason.
        """
        self._victims = choose(context, self._spec)
        try:
            self._groups = create_groups(context, "memory", self._victims)
        except StackError as error:
            return unproven(str(error))
        for name, group in self._groups.items():
            file = "memory.limit_in_bytes" if group.version == 1 else "memory.max"
            group.write(file, _LIMIT_BYTES)
            group.adopt(self._victims[name].pid or 0)
        return {"components": sorted(self._victims)}

    def prove(self, context: Context) -> Evidence:
        """The kernel has counted a kill in each group, and the process is gone."""

        def acted(state: Evidence) -> bool:
            return bool(state["oom_kills"] and state["process"] == "gone")

        proven, states = observe_all(context, self._groups, self._state, acted)
        if proven:
            return states
        self._unproven = states
        return {}

    def heal(self, context: Context) -> Evidence:
        """Remove the groups; the cluster starts what was killed by itself."""
        remove_groups(self._groups)
        detail: Evidence = {"started": start_stopped(context, self._victims)}
        return {**detail, "unproven": self._unproven} if self._unproven else detail

    def verify(self, context: Context) -> Evidence:
        """The components are up."""
        return verify_running(context, list(self._victims))

    def _state(self, name: str) -> Evidence:
        group, pid = self._groups[name], self._victims[name].pid
        file = "memory.oom_control" if group.version == 1 else "memory.events"
        process = process_state(pid)
        return {"pid": pid, "oom_kills": group.counter(file, "oom_kill"), "process": process}
