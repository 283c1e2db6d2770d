"""What faults on wall clocks share: shift the clocks of some components, and watch them read it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from gauntlet.chaos.clocks.clock_file import ClockFile
from gauntlet.chaos.faults._processes import verify_running
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import unproven
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS, choose
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_OF_OTHERS = ("held", "paused")  # states that only other faults cause, and end


def clock_kind(name: str, about: str, params: dict[str, Param]) -> FaultKind:
    """Describe a fault on wall clocks with parameters of its own."""
    return FaultKind(
        name,
        about,
        targets=("role",),
        params={**params, **VICTIM_PARAMS},
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
        clock=True,
    )


class ClockFault(ABC):
    """Shifts the wall clocks of components; their monotonic clocks go on as before.

    A program that does not read the time through the C library, such as one written in Go, never
    sees the shifted clock. The fault then has no proof.
    """

    kind: ClassVar[FaultKind]

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._clocks: dict[str, ClockFile] = {}
        self._before: dict[str, int] = {}
        self._unproven: Evidence = {}

    @abstractmethod
    def shift(self, clock: ClockFile) -> Mapping[str, Any]:
        """Shift a clock; return by how much, as evidence."""

    def inject(self, context: Context) -> Evidence:
        """Shift the clocks. Where there are none, nothing is done, and there is no proof."""
        if context.no_clocks:
            return unproven(context.no_clocks)
        victims = choose(context, self._spec)
        if missing := [name for name in victims if name not in context.clocks]:
            raise FaultFailed(f"these components have no clock of their own: {', '.join(missing)}")
        shifted: Evidence = {}
        for name in victims:
            clock = context.clocks[name]
            self._before[name], self._clocks[name] = clock.readings(), clock
            shifted = dict(self.shift(clock))
        return {"components": sorted(self._clocks), **shifted}

    def prove(self, context: Context) -> Evidence:
        """Each component has read the shifted time."""
        read: dict[str, int] = {}

        def all_read() -> bool | None:
            read.update(self._readings())
            return all(read.values()) or None

        proven = bool(self._clocks) and poll(all_read, PROVE_S, context.stop)
        evidence = {name: {"readings": count} for name, count in read.items()}
        if proven:
            return evidence
        self._unproven = evidence
        return {}

    def heal(self, context: Context) -> Evidence:
        """Let the clocks show the right time again; report how often the shifted one was read."""
        readings = self._readings()
        for clock in self._clocks.values():
            clock.shift(0.0)
        detail: Evidence = {"readings": readings} if readings else {}
        return {**detail, "unproven": self._unproven} if self._unproven else detail

    def verify(self, context: Context) -> Evidence:
        """The components are up; one that another fault holds down or has paused stays so."""
        return verify_running(context, list(self._clocks), also=_OF_OTHERS)

    def _readings(self) -> dict[str, int]:
        return {name: each.readings() - self._before[name] for name, each in self._clocks.items()}
