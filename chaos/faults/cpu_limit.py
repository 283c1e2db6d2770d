"""cpu-limit: the kernel gives processes only a share of a core."""

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

_PERIOD_US = 100_000
_QUOTA_MIN_US = 1_000  # the least that the kernel accepts


class CpuLimit:
    """Moves processes into a control group with a quota of CPU time (cgroups, version 1 or 2)."""

    kind: ClassVar[FaultKind] = FaultKind(
        "cpu-limit",
        "limits the CPU time of processes to a share of one core",
        targets=("role",),
        params={
            **VICTIM_PARAMS,
            "core_percent": Param("percent", 5, "share of one core that each component gets"),
        },
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._quota_us = max(_QUOTA_MIN_US, round(_PERIOD_US * param(spec, "core_percent") / 100))
        self._victims: dict[str, Component] = {}
        self._groups: dict[str, ControlGroup] = {}
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Create a group for each component, limit it, and move the processes into it.

        Where there can be no groups, nothing is done, and there is no proof, but the reason.
        """
        self._victims = choose(context, self._spec)
        try:
            self._groups = create_groups(context, "cpu", self._victims)
        except StackError as error:
            return unproven(str(error))
        for name, group in self._groups.items():
            if group.version == 1:
                group.write("cpu.cfs_period_us", _PERIOD_US)
                group.write("cpu.cfs_quota_us", self._quota_us)
            else:
                group.write("cpu.max", f"{self._quota_us} {_PERIOD_US}")
            group.adopt(self._victims[name].pid or 0)
        return {"components": sorted(self._victims), "quota_us": self._quota_us}

    def prove(self, context: Context) -> Evidence:
        """The kernel has throttled each component since it has the limit."""

        def acted(state: Evidence) -> bool:
            return bool(state["inside"] and state["throttled"])

        proven, states = observe_all(context, self._groups, self._state, acted)
        if proven:
            return states
        self._unproven = states
        return {}

    def heal(self, context: Context) -> Evidence:
        """Move the processes back, and remove the groups; new processes were never in them."""
        remove_groups(self._groups)
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """The groups are gone, and no process is stopped by them."""
        return verify_removed(self._groups, self._victims)

    def _state(self, name: str) -> Evidence:
        group = self._groups[name]
        file = "cpu.cfs_quota_us" if group.version == 1 else "cpu.max"
        return {
            "quota": group.read(file),
            "inside": self._victims[name].pid in group.pids(),
            "throttled": group.counter("cpu.stat", "nr_throttled"),
        }
