"""unrecovered: a fault was healed, and the service was not itself again in time.

In time is the fault's `expect.recover_within`, or the scenario's recovery window; what recovered
means is said in `metrics.recovery`. A fault without proof, an aftermath that runs into another
fault, and a load that ended too early prove nothing.
"""

from gauntlet.core.clock import format_s
from gauntlet.core.scenario.model import Fault
from gauntlet.reports.checks.finding import Finding, Witness
from gauntlet.reports.history.events import FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.recovery import Recovery, recoveries


def check(history: History) -> Finding:
    faults = history.events.faults
    if not faults:
        return Finding(0, "faults", not_applicable="The scenario has no faults.")
    found = recoveries(history)
    late: list[Witness] = []
    doubts: list[str] = []
    for planned, fault in zip(history.scenario.faults, faults, strict=True):
        recovery = found[fault.id]
        if recovery.unknown:
            doubts.append(f"{fault.id}: {recovery.unknown}")
        elif witness := _too_late(history, planned, fault, recovery):
            late.append(witness)
    return Finding(
        examined=len(faults),
        what="faults",
        count=len(late),
        witnesses=tuple(late),
        unknown=f"Not known for {'; '.join(doubts)}." if doubts else "",
    )


def _too_late(
    history: History, planned: Fault, fault: FaultTimes, recovery: Recovery
) -> Witness | None:
    allowed_s = planned.expect.recover_within
    if allowed_s is None:
        allowed_s = history.scenario.recovery_window
    took_ms = recovery.took_ms(fault)
    if took_ms is None or took_ms <= allowed_s * 1000:
        return None
    actual = (
        "had not recovered when its recovery window was over"
        if recovery.recovered_ns is None
        else f"recovered after {format_s(took_ms / 1000)}"
    )
    return Witness(f"{fault.id} {actual}; {format_s(allowed_s)} were allowed.")
