"""The events of a run: its phases, its faults, its cutovers, and what the load declares."""

from dataclasses import dataclass, field
from typing import Any

from gauntlet.core.scenario.model import Fault
from gauntlet.reports.history import workers
from gauntlet.reports.history.records import NEVER
from gauntlet.reports.history.workers import Clocks


@dataclass(frozen=True)
class FaultTimes:
    """One fault as it happened; monotonic nanoseconds, None for what did not happen."""

    id: str
    kind: str
    target: str
    requested_ns: int | None = None
    effective_ns: int | None = None
    heal_requested_ns: int | None = None
    healed_ns: int | None = None
    failed: str = ""
    heal_failed: str = ""
    proof: dict[str, Any] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        """Whether there is evidence that it acted."""
        return self.effective_ns is not None and bool(self.proof)


@dataclass(frozen=True)
class Cutover:
    """The states a cutover went through, each with the time it was entered."""

    id: str
    steps: tuple[tuple[str, int], ...]

    def entered(self, state: str) -> int | None:
        """When a state was entered first."""
        return next((t_ns for name, t_ns in self.steps if name == state), None)


@dataclass(frozen=True)
class Unreachable:
    """Nobody ever connected: since when it was tried in vain, and why."""

    since_ns: int
    reason: str


@dataclass(frozen=True)
class Events:
    """What happened when, on one clock; `phases` are the load's, the first worker's if in doubt.

    `reconciliations` are of the workers whose part is whole; `lost` says in a sentence what became
    of each other one.
    """

    phases: dict[str, int]
    faults: tuple[FaultTimes, ...]
    cutovers: tuple[Cutover, ...]
    reconciliations: tuple[dict[str, Any], ...]
    interrupted: str
    error: str
    unreachable: Unreachable | None = None
    lost: dict[int, str] = field(default_factory=dict)
    clocks: Clocks = field(default_factory=Clocks)

    @property
    def zero_ns(self) -> int:
        """The timeline's zero: the start of the ramp, or 0 if the load never began."""
        return self.phases.get("ramp", 0)

    @property
    def called_back_ns(self) -> int:
        """When the load called back whoever was away: NEVER where it did not end in order."""
        return self.phases.get("quiesce", NEVER) if "audit" in self.phases else NEVER

    def at_s(self, t_ns: int | None) -> float | None:
        """Seconds on the timeline."""
        return None if t_ns is None else round((t_ns - self.zero_ns) / 1e9, 3)


def collect(rows: list[dict[str, Any]], planned: list[Fault]) -> Events:
    """Order the rows of `RunDir.read_events` by what they tell of; faults as planned, in order."""
    clocks = Clocks.of(rows)
    rows = clocks.laid(rows)
    phases: dict[str, int] = {}
    cutovers: dict[str, list[tuple[str, int]]] = {}
    reconciliations: list[dict[str, Any]] = []
    stopped = {"interrupted": "", "error": ""}
    unreachable = None
    for row in rows:
        kind = row["kind"]
        if kind == "phase" and row["writer"].startswith("load"):
            phases.setdefault(row["phase"], row["t_ns"])
        elif kind == "cutover":
            cutovers.setdefault(row["id"], []).append((row["state"], row["t_ns"]))
        elif kind == "reconciliation":
            reconciliations.append(row)
        elif kind in stopped:
            stopped[kind] = str(row["message"])
        elif kind == "unreachable":
            unreachable = Unreachable(int(row["since_ns"]), str(row["reason"]))
    moves = {name: Cutover(name, tuple(steps)) for name, steps in cutovers.items()}
    lost = workers.lost(rows, {row["worker"] for row in reconciliations})
    return Events(
        phases=phases,
        faults=tuple(_fault(fault, rows, moves.get(fault.id)) for fault in planned),
        cutovers=tuple(moves.values()),
        reconciliations=tuple(row for row in reconciliations if row["worker"] not in lost),
        interrupted=stopped["interrupted"],
        error=stopped["error"],
        unreachable=unreachable,
        lost=lost,
        clocks=clocks,
    )


def _fault(planned: Fault, rows: list[dict[str, Any]], move: Cutover | None) -> FaultTimes:
    steps = {row["step"]: row for row in rows if row["kind"] == "fault" and row["id"] == planned.id}

    def when(step: str) -> int | None:
        return int(steps[step]["t_ns"]) if step in steps else None

    def why(step: str) -> str:
        return str(steps[step]["detail"].get("error", "no reason given")) if step in steps else ""

    healed_ns = when("healed")
    # A cutover ends by itself; its heal only makes sure of that, maybe much later.
    done_ns = (move.entered("done") or move.entered("rolled-back")) if move else None
    if healed_ns is not None and done_ns is not None:
        healed_ns = min(healed_ns, done_ns)
    return FaultTimes(
        id=planned.id,
        kind=planned.kind,
        target=planned.target,
        requested_ns=when("requested"),
        effective_ns=when("effective"),
        heal_requested_ns=when("heal-requested"),
        healed_ns=healed_ns,
        failed=why("failed"),
        heal_failed=why("heal-failed"),
        proof=steps.get("effective", {}).get("proof") or {},
    )
