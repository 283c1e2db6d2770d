"""memory-pressure: processes get little further memory, so that they wait for it."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults._control_group import (
    create_groups,
    observe_all,
    remove_groups,
    verify_removed,
)
from gauntlet.chaos.faults.base import Evidence, param
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import unproven
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec


class MemoryPressure:
    """Moves processes into a control group that limits their further memory, and kills nothing.

    In version 2 of control groups, `memory.high` slows down whatever exceeds it. Version 1 has no
    such limit. There the OOM killer is switched off for the group, so that a process waits until
    the limit is lifted. In both, what a process uses already stays with the group that it comes
    from.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "memory-pressure",
        "lets processes wait for memory, without killing them",
        targets=("role",),
        params={
            **VICTIM_PARAMS,
            "kb": Param("whole", 64, "KiB of further memory that each component gets"),
        },
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._limit_bytes = 1024 * int(param(spec, "kb"))
        self._victims: dict[str, Component] = {}
        self._groups: dict[str, ControlGroup] = {}
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Create a group for each component, limit it, and move the processes into it.

        Where there can be no such groups, nothing is done, and there is no proof, but the reason.
        """
        self._victims = choose(context, self._spec)
        try:
            self._groups = create_groups(context, "memory", self._victims)
            for group in self._groups.values():
                self._limit(group)
        except StackError as error:
            remove_groups(self._groups)
            self._groups = {}
            return unproven(str(error))
        for name, group in self._groups.items():
            group.adopt(self._victims[name].pid or 0)
        return {"components": sorted(self._victims), "limit_bytes": self._limit_bytes}

    def prove(self, context: Context) -> Evidence:
        """Each process is in its group, which has reached the limit, and nothing was killed."""

        def acted(state: Evidence) -> bool:
            return bool(state["inside"] and state["limit_hits"] and not state["oom_kills"])

        proven, states = observe_all(context, self._groups, self._state, acted)
        if proven:
            return states
        self._unproven = states
        return {}

    def heal(self, context: Context) -> Evidence:
        """Lift the limits, move the processes back, and remove the groups."""
        remove_groups(self._groups)
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """The groups are gone; the states of the processes say whether one still waits."""
        return verify_removed(self._groups, self._victims)

    def _limit(self, group: ControlGroup) -> None:
        if group.version == 1:
            group.write("memory.oom_control", 1)  # first: with the limit alone, it would kill
            group.write("memory.limit_in_bytes", self._limit_bytes)
        else:
            group.write("memory.high", self._limit_bytes)

    def _state(self, name: str) -> Evidence:
        group = self._groups[name]
        if group.version == 1:
            hits = int(group.read("memory.failcnt"))
            kills = group.counter("memory.oom_control", "oom_kill")
        else:
            hits = group.counter("memory.events", "high")
            kills = group.counter("memory.events", "oom_kill")
        inside = self._victims[name].pid in group.pids()
        return {"inside": inside, "limit_hits": hits, "oom_kills": kills}
