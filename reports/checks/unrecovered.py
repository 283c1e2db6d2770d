"""unrecovered: a fault was healed, and the service did not recover in time.

The time allowed is the fault's `expect.recover_within`, or else the scenario's recovery window;
`metrics.recovery` defines recovery. The check is unknown for a fault without proof or heal. If the
service was not seen to recover, it is also unknown if another fault acted during the allowed time,
or if the load ended before that time was over.
"""

from gauntlet.core.clock import format_s
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.model import Fault
from gauntlet.reports.checks.finding import Finding, Witness
from gauntlet.reports.history.events import FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.recovery import Recovery, find_recoveries

STATEMENT = "The service did not recover in time after {count} of {examined} {subject}."

KIND = CheckKind(
    "unrecovered",
    "the service did not recover in time after a fault was healed",
    aspect="re-sync",
    # Each fault is planned, and each recovery is measured.
    examined_min=1,
)


def check(history: History) -> Finding:
    faults = history.events.faults
    if not faults:
        return Finding(0, "faults", STATEMENT, not_applicable="The scenario has no faults.")
    recoveries = find_recoveries(history)
    late: list[Witness] = []
    unknown: list[str] = []
    for planned, fault in zip(history.scenario.faults, faults, strict=True):
        recovery = recoveries[fault.id]
        if recovery.unknown:
            unknown.append(f"fault {fault.id}: {recovery.unknown}")
        elif witness := _too_late(history, planned, fault, recovery):
            late.append(witness)
    return Finding(
        examined=len(faults),
        subject="faults",
        statement=STATEMENT,
        count=len(late),
        witnesses=tuple(late),
        unknown=f"Recovery cannot be judged for {'; for '.join(unknown)}." if unknown else "",
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
    if recovery.recovered_ns is None:
        why = f": at the end of that time, {recovery.hindrance}" if recovery.hindrance else ""
        return Witness(
            f"The service did not recover within the {format_s(allowed_s)} allowed after the heal "
            f"of fault {fault.id}{why}."
        )
    return Witness(
        f"The service recovered {format_s(took_ms / 1000)} after the heal of fault {fault.id}; "
        f"the allowed time is {format_s(allowed_s)}."
    )
