"""The events of a run: its phases, its faults, its cutovers, and what the load declared."""

from dataclasses import dataclass, field
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.errors import ErrorGroup, collect_errors
from gauntlet.reports.history.marks import OBSERVED
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.history.workers import lost_workers

OVERRUN_S = 1.0  # a heal may take this long


@dataclass(frozen=True)
class Exposure:
    """What met a fault while it acted: connections, of which some `changed`, messages and bytes.

    A connection changed if it began or ended. `bytes` passed through the fault proxies in front of
    what the fault acts on; None where there is no proxy.
    """

    connections: int
    changed: int
    messages: int
    bytes: int | None = None

    @property
    def met_traffic(self) -> bool:
        """Whether the fault could disturb a user. An idle connection notices little."""
        return bool(self.messages or self.changed)


@dataclass(frozen=True)
class FaultTimes:
    """One fault as it happened; times in monotonic nanoseconds, None for what did not happen.

    `failed` and `heal_failed` are the reasons why it could not be injected or healed, else empty;
    `missed` is why it did not begin, because the event that it follows did not happen. `unproven`
    is why it did not act on this machine.

    `client_links` is what the clients recorded of it (`gauntlet.reports.metrics.client_evidence`),
    and `exposure` what met it (`gauntlet.reports.metrics.exposure`), None if that is unknown.
    `acts_on` are the components or links on which it acted, as far as the journal names them, and
    `bytes` is what passed through the proxies in front of them. `length_s` is how long the fault
    should act, None if it ends by itself or has no length. `started` are the components that the
    heal has started again.
    """

    id: str
    kind: str
    target: str
    requested_ns: int | None = None
    effective_ns: int | None = None
    heal_requested_ns: int | None = None
    healed_ns: int | None = None
    failed: str = ""
    heal_failed: str = ""
    missed: str = ""
    unproven: str = ""
    proof: dict[str, Any] = field(default_factory=dict)
    client_links: dict[str, Any] | None = None
    acts_on: tuple[str, ...] = ()
    bytes: int | None = None
    exposure: Exposure | None = None
    length_s: float | None = None
    started: tuple[str, ...] = ()

    @property
    def acted_s(self) -> float | None:
        """How long the fault acted; None if it did not act, or is not known to have ended."""
        if self.effective_ns is None or self.healed_ns is None:
            return None
        return (self.healed_ns - self.effective_ns) / NS_PER_S

    @property
    def overran_s(self) -> float | None:
        """How much longer the fault acted than configured; None if not by more than OVERRUN_S.

        The start of a component at the heal takes the time that the system needs for it.
        """
        if self.effective_ns is None or self.healed_ns is None or self.length_s is None:
            return None
        end_ns = self.healed_ns
        if self.started and self.heal_requested_ns is not None:
            end_ns = self.heal_requested_ns
        over_s = (end_ns - self.effective_ns) / NS_PER_S - self.length_s
        return over_s if over_s > OVERRUN_S else None

    @property
    def proven(self) -> bool:
        """Whether there is evidence that the fault took effect."""
        return self.effective_ns is not None and bool(self.proof)

    @property
    def met_traffic(self) -> bool:
        """Whether traffic met the fault, as far as that is known."""
        return self.exposure is None or self.exposure.met_traffic

    @property
    def awaits_heal(self) -> bool:
        """Whether a heal that was ours to do is missing: others end an observed fault."""
        return self.requested_ns is not None and self.healed_ns is None and self.kind != OBSERVED


@dataclass(frozen=True)
class Cutover:
    """The states that a cutover entered, each with its time; `reason` is why it was rolled back."""

    id: str
    steps: tuple[tuple[str, int], ...]
    reason: str = ""

    def entered(self, state: str) -> int | None:
        """Return when a state was first entered."""
        return next((t_ns for name, t_ns in self.steps if name == state), None)


@dataclass(frozen=True)
class Unreachable:
    """No user could connect: since when the load had tried, and the reason as a clause."""

    since_ns: int
    reason: str


@dataclass(frozen=True)
class GuardStop:
    """The guard that ended the load early: its place in the scenario, and what it saw."""

    index: int
    t_ns: int
    value: float
    sentence: str


@dataclass(frozen=True)
class Events:
    """All events on one clock; `phases` are the load's, those of the worker that was first.

    `reconciliations` are the rows of the workers whose part is complete; `lost` has a clause for
    each other worker. `errors` is what went wrong between load and system. `direct` are
    addresses that clients dialled without a fault proxy, although there were proxies.
    """

    phases: dict[str, int]
    faults: tuple[FaultTimes, ...]
    cutovers: tuple[Cutover, ...]
    reconciliations: tuple[dict[str, Any], ...]
    interrupted: str
    error: str
    unreachable: Unreachable | None = None
    lost: dict[int, str] = field(default_factory=dict)
    direct: tuple[str, ...] = ()
    clocks: ClockAlignment = field(default_factory=ClockAlignment)
    errors: tuple[ErrorGroup, ...] = ()
    guard: GuardStop | None = None

    @property
    def zero_ns(self) -> int:
        """The zero of the timeline: the start of the ramp, or 0 if the load never began."""
        return self.phases.get("ramp", 0)

    @property
    def clock_error_ns(self) -> int:
        """By how much the clocks of two users of an imported history may differ, otherwise 0.

        The importer moves the begin of sends, reads and dials back by that much, and widens faults.
        Whatever else compares times of different users has to allow for it.
        """
        return self.clocks.between_recorders_ns

    @property
    def unjudged(self) -> frozenset[str]:
        """The checks that an imported history excludes, or has no evidence for."""
        rows = self.reconciliations
        return frozenset(check for row in rows for check in row.get("unjudged", ()))

    @property
    def quiesce_started_ns(self) -> int:
        """When the load reconnected all users who were away; NEVER in a run that was cut short."""
        return self.phases.get("quiesce", NEVER) if "audit" in self.phases else NEVER

    def at_s(self, t_ns: int | None) -> float | None:
        """Return a time in seconds on the timeline."""
        return None if t_ns is None else round((t_ns - self.zero_ns) / 1e9, 3)


def collect_events(rows: list[dict[str, Any]], planned: list[Fault]) -> Events:
    """Return the events in the rows of `RunDir.read_events`; faults in the order of the plan."""
    clocks = ClockAlignment.from_events(rows)
    rows = clocks.align_events(rows)
    phases: dict[str, int] = {}
    reconciliations: list[dict[str, Any]] = []
    stopped = {"interrupted": "", "error": ""}
    unreachable = guard = None
    for row in rows:
        kind = row["kind"]
        if kind == "phase" and row["writer"].startswith("load"):
            phases.setdefault(row["phase"], row["t_ns"])
        elif kind == "reconciliation":
            reconciliations.append(row)
        elif kind in stopped:
            stopped[kind] = str(row["message"])
        elif kind == "unreachable":
            unreachable = Unreachable(int(row["since_ns"]), str(row["reason"]))
        elif kind == "guard" and guard is None:
            guard = GuardStop(
                int(row["guard"]), row["t_ns"], float(row["value"]), str(row["message"])
            )
    cutovers = _cutovers(rows)
    lost = lost_workers(rows, {row["worker"] for row in reconciliations})
    return Events(
        phases=phases,
        faults=tuple(_fault_times(fault, rows, cutovers.get(fault.id)) for fault in planned),
        cutovers=tuple(cutovers.values()),
        reconciliations=tuple(row for row in reconciliations if row["worker"] not in lost),
        interrupted=stopped["interrupted"],
        error=stopped["error"],
        unreachable=unreachable,
        lost=lost,
        direct=_direct(rows),
        clocks=clocks,
        errors=tuple(collect_errors(rows, clocks)),
        guard=guard,
    )


def _cutovers(rows: list[dict[str, Any]]) -> dict[str, Cutover]:
    """Return the cutovers by their ids, each with the first reason that was given for it."""
    steps: dict[str, list[tuple[str, int]]] = {}
    reasons: dict[str, str] = {}
    for row in rows:
        if row["kind"] == "cutover":
            steps.setdefault(row["id"], []).append((row["state"], row["t_ns"]))
            if reason := (row.get("detail") or {}).get("reason"):
                reasons.setdefault(row["id"], str(reason))
    return {
        name: Cutover(name, tuple(entered), reasons.get(name, ""))
        for name, entered in steps.items()
    }


def _direct(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    found = {address for row in rows if row["kind"] == "direct" for address in row["addresses"]}
    return tuple(sorted(found))


def _fault_times(planned: Fault, rows: list[dict[str, Any]], cutover: Cutover | None) -> FaultTimes:
    steps = {row["step"]: row for row in rows if row["kind"] == "fault" and row["id"] == planned.id}

    def time_ns(step: str) -> int | None:
        return int(steps[step]["t_ns"]) if step in steps else None

    def error(step: str) -> str:
        return str(steps[step]["detail"].get("error", "no reason given")) if step in steps else ""

    healed_ns = time_ns("healed")
    # A cutover ends without help; its heal only makes sure of that, perhaps much later.
    done_ns = (cutover.entered("done") or cutover.entered("rolled-back")) if cutover else None
    if healed_ns is not None and done_ns is not None:
        healed_ns = min(healed_ns, done_ns)
    return FaultTimes(
        id=planned.id,
        kind=planned.kind,
        target=planned.target,
        requested_ns=time_ns("requested"),
        effective_ns=time_ns("effective"),
        heal_requested_ns=time_ns("heal-requested"),
        healed_ns=healed_ns,
        failed=error("failed"),
        heal_failed=error("heal-failed"),
        missed=error("missed"),
        unproven=_unproven(steps.get("effective", {}).get("detail") or {}),
        proof=steps.get("effective", {}).get("proof") or {},
        acts_on=_acts_on(steps.get("effective", {}).get("detail") or {}),
        bytes=_bytes_between(steps.get("effective"), steps.get("healed")),
        length_s=_length_s(planned),
        started=tuple((steps.get("healed", {}).get("detail") or {}).get("started") or ()),
    )


def _length_s(planned: Fault) -> float | None:
    kind = catalog.FAULTS.get(planned.kind)
    return float(planned.for_) if planned.for_ and kind and not kind.own_end else None


def _acts_on(detail: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(name) for name in detail.get("components") or detail.get("links") or ())


def _unproven(detail: dict[str, Any]) -> str:
    return str((detail.get("unproven") or {}).get("reason", ""))


def _bytes_between(effective: dict[str, Any] | None, healed: dict[str, Any] | None) -> int | None:
    """Return how far the byte counters of the proxies moved; None if they were not read twice."""
    readings = [
        row["proxied_bytes"] for row in (effective, healed) if row and "proxied_bytes" in row
    ]
    return max(0, readings[1] - readings[0]) if len(readings) == 2 else None
