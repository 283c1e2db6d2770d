"""memory-pressure: processes wait for the memory that they need next, and are not killed."""

import mmap
from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults._control_group import (
    create_groups,
    observe_all,
    remove_groups,
    verify_removed,
)
from gauntlet.chaos.faults._processes import process_state, verify_running
from gauntlet.chaos.faults.base import VERIFY_S, Evidence, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import unproven
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_KB = 1_000
_LIMIT_FILES = {1: "memory.limit_in_bytes", 2: "memory.high"}  # by version


class MemoryPressure:
    """Moves processes into a control group that has little memory left, and no OOM killer.

    What they use already stays accounted to the group that they come from (newer kernels cannot
    move that), so the limit acts on what they take next.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "memory-pressure",
        "holds processes back while they take more memory, without killing them",
        targets=("role",),
        params={
            **VICTIM_PARAMS,
            # A steady server takes little new memory, so the default is less than a page.
            "headroom_kb": Param(
                "whole", 4, "what each component can still take; 1 KB is 1,000 bytes"
            ),
        },
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._limit_bytes: int = param(spec, "headroom_kb") * _KB
        self._victims: dict[str, Component] = {}
        self._groups: dict[str, ControlGroup] = {}
        self._hits_when_full: dict[str, int] = {}  # by component; since its group has been full
        self._unproven: Evidence = {}

    def inject(self, context: Context) -> Evidence:
        """Create a group for each component, limit it, and move the processes into it.

        Where there can be no such groups, nothing is done, and there is no proof, but the reason.
        """
        victims = choose(context, self._spec)
        try:
            self._groups = create_groups(context, "memory", victims)
            for group in self._groups.values():
                self._limit(group)
        except StackError as error:
            remove_groups(self._groups)
            self._groups = {}
            return unproven(str(error))
        self._victims = victims
        for name, group in self._groups.items():
            group.adopt(victims[name].pid or 0)
        return {"components": sorted(victims), "limit_bytes": self._limit_bytes}

    def prove(self, context: Context) -> Evidence:
        """The kernel has held each component back since it has the limit."""

        def acted(state: Evidence) -> bool:
            return bool(state["inside"] and state["limit_hits"] and state.get("held_back", True))

        proven, states = observe_all(context, self._groups, self._state, acted)
        if proven:
            return states
        self._unproven = states
        return {}

    def heal(self, context: Context) -> Evidence:
        """Raise the limits, move the processes back, and remove the groups."""
        remove_groups(self._groups)
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """The groups are gone, and the components are up and wait for nothing."""
        states: Evidence = {}

        def none_waits() -> bool | None:
            states.update(verify_removed(self._groups, self._victims))
            return "disk-sleep" not in states.values() or None

        if not poll(none_waits, VERIFY_S):
            raise RollbackError(f"these processes still wait: {states}")
        return verify_running(context, list(self._victims))

    def _limit(self, group: ControlGroup) -> None:
        if group.version == 1:
            # Before the limit: what needs more then waits until it is raised.
            group.write("memory.oom_control", 1)
        group.write(_LIMIT_FILES[group.version], self._limit_bytes)

    def _state(self, name: str) -> Evidence:
        group, pid = self._groups[name], self._victims[name].pid
        state: Evidence = {
            "limit_bytes": group.read(_LIMIT_FILES[group.version]),
            "inside": pid in group.pids(),
            "process": process_state(pid),
        }
        if group.version == 1:
            hits = int(group.read("memory.failcnt"))
            return {**state, "limit_hits": hits, "held_back": self._is_held_back(name, hits)}
        return {**state, "limit_hits": group.counter("memory.events", "high")}

    def _is_held_back(self, name: str, hits: int) -> bool:
        """Whether a process of a group of version 1 needs memory that it does not get.

        The kernel also counts a hit when it only could not reserve pages in advance, so the count
        alone does not say that. Either a process sleeps until there is memory, or the count grows
        while the group has no page left: then the kernel tries again and again, as for memory that
        it needs itself for a system call.
        """
        group = self._groups[name]
        left_bytes = self._limit_bytes - int(group.read("memory.usage_in_bytes"))
        if left_bytes >= mmap.PAGESIZE:
            self._hits_when_full.pop(name, None)
        elif hits > self._hits_when_full.setdefault(name, hits):
            return True
        return bool(group.counter("memory.oom_control", "under_oom"))
