"""The verdict of a run: every reason with its exit code, and the status that follows from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gauntlet.core.errors import PRECEDENCE, Exit, first_exit
from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.history.events import Events, FaultTimes, Unreachable
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.verdict import precedence
from gauntlet.reports.verdict.objectives import Judged

STATUSES: dict[Exit, str] = {
    Exit.OK: "pass",
    Exit.FAILED: "fail",
    Exit.INTERRUPTED: "aborted",
    Exit.HARNESS: "error",
    Exit.CONFIG: "error",
    Exit.INCONCLUSIVE: "inconclusive",
    Exit.ROLLBACK: "error",
}


@dataclass(frozen=True)
class Reason:
    """One reason; with `Exit.OK` it is a warning."""

    code: Exit
    sentence: str


def conclude(reasons: list[Reason]) -> dict[str, Any]:
    """Return `verdict` of result.json; reasons are sorted by the precedence of their exit codes."""
    code = first_exit({reason.code for reason in reasons})
    ordered = sorted(reasons, key=lambda reason: PRECEDENCE.index(reason.code))
    status = "warn" if reasons and code is Exit.OK else STATUSES[code]
    return {
        "status": status,
        "exit_code": int(code),
        "reasons": [reason.sentence for reason in ordered],
    }


def check_reasons(verdicts: list[Verdict], required: set[str]) -> Iterator[Reason]:
    """Yield a reason for each violated check and for each required check that is unknown.

    A violated check fails the run if it is required, and is a warning otherwise. The most specific
    violation comes first.
    """
    for verdict in sorted(verdicts, key=lambda verdict: precedence.rank(verdict.check)):
        needed = verdict.check in required
        sentence = f"{verdict.check}: {verdict.sentence}"
        if verdict.outcome is Outcome.INVALID:
            example = verdict.witnesses[0].sentence if verdict.witnesses else ""
            code = Exit.FAILED if needed else Exit.OK
            yield Reason(code, f"{sentence} {example}".rstrip())
        elif verdict.outcome is Outcome.UNKNOWN and needed:
            yield Reason(Exit.INCONCLUSIVE, sentence)


def objective_reasons(judged: list[Judged]) -> Iterator[Reason]:
    """Yield a reason for each missed objective, which fails the run or warns by its severity.

    Unknown objectives with the same cause share one reason.
    """
    unknown: dict[str, list[str]] = {}
    for result in judged:
        name, fails_run = result.objective.id, result.objective.severity == "fail"
        if result.outcome is Outcome.INVALID:
            yield Reason(Exit.FAILED if fails_run else Exit.OK, f"{name}: {result.sentence}")
        elif result.outcome is Outcome.UNKNOWN and fails_run and not result.excused:
            unknown.setdefault(result.unknown, []).append(name)
    for cause, names in unknown.items():
        subject = f"{names[0]} is" if len(names) == 1 else f"{', '.join(names)} are"
        yield Reason(Exit.INCONCLUSIVE, f"{subject} unknown: {cause}.")


def event_reasons(events: Events) -> Iterator[Reason]:
    """Yield reasons from the events: interruption, errors, lost workers, and faults that failed."""
    cut_short = bool(events.interrupted) or events.guard is not None
    if events.guard is not None:
        yield Reason(Exit.FAILED, f"{events.guard.sentence}.")
    if events.interrupted:
        yield Reason(Exit.INTERRUPTED, f"The run was cut short: {events.interrupted}.")
    if events.unreachable and not events.interrupted:
        yield _unreachable_reason(events, events.unreachable)
    if events.error:
        yield Reason(Exit.HARNESS, f"The harness failed: {events.error}.")
    for sentence in () if events.interrupted else events.lost.values():
        yield Reason(Exit.HARNESS, f"{sentence}; what it sent and received is not judged.")
    for fault in events.faults:
        yield from _fault_reasons(fault, events, cut_short=cut_short)


def _fault_reasons(fault: FaultTimes, events: Events, *, cut_short: bool) -> Iterator[Reason]:
    if fault.heal_failed:
        yield Reason(Exit.ROLLBACK, f"Fault {fault.id} was not healed: {fault.heal_failed}.")
    elif fault.awaits_heal:
        yield Reason(
            Exit.ROLLBACK,
            f"There is no proof that fault {fault.id} was healed.",
        )
    if fault.failed:
        # A run that is stopped also loses the proofs of its faults.
        code = Exit.INTERRUPTED if cut_short else Exit.HARNESS
        yield Reason(code, f"Fault {fault.id} failed: {fault.failed}.")
    elif fault.missed:
        yield Reason(Exit.INCONCLUSIVE, f"Fault {fault.id} did not begin: {fault.missed}.")
    elif not fault.proven and not cut_short:
        why = f": {fault.unproven}" if fault.unproven else ""
        sentence = f"There is no proof that fault {fault.id} took effect{why}."
        yield Reason(Exit.INCONCLUSIVE, sentence)
    elif not fault.met_traffic and not (events.interrupted or events.lost):
        yield Reason(
            Exit.INCONCLUSIVE,
            f"Fault {fault.id} met no traffic: while it acted, no message was under way and no "
            "connection began or ended, so the run does not show that the system survives it.",
        )


def _unreachable_reason(events: Events, found: Unreachable) -> Reason:
    """Return the reason for a run in which no user could connect.

    If a fault came first, the run failed. Otherwise there was no target to test.
    """
    for fault in events.faults:
        if fault.requested_ns is not None and fault.requested_ns <= found.since_ns:
            return Reason(Exit.FAILED, f"After fault {fault.id} was injected, {found.reason}.")
    return Reason(Exit.HARNESS, f"{found.reason[0].upper()}{found.reason[1:]}.")


def recovery_reasons(
    events: Events, recoveries: Mapping[str, Recovery], elsewhere: set[str]
) -> Iterator[Reason]:
    """Yield a reason if no recovery can be judged, although faults acted and were healed.

    Such a run does not show that the system survives faults. Other reasons name the faults without
    proof, heal or traffic. `elsewhere` holds the checks that are required, which have reasons of
    their own, and those for which an imported history has no evidence.
    """
    judgeable = [
        fault
        for fault in events.faults
        if fault.proven and fault.healed_ns is not None and fault.met_traffic
    ]
    if "unrecovered" in elsewhere or events.interrupted or not judgeable:
        return
    if all(recovery.unknown for recovery in recoveries.values()):
        listed = "; ".join(f"{fault.id}: {recoveries[fault.id].unknown}" for fault in judgeable)
        yield Reason(
            Exit.INCONCLUSIVE,
            f"unrecovered: It is unknown for every fault whether the service recovered ({listed}). "
            "Let the load go on for longer after a fault.",
        )


def history_reasons(problems: list[str], events: Events) -> Iterator[Reason]:
    """Yield a reason for each problem: a harness error, unless the run was cut short."""
    code = Exit.INTERRUPTED if events.interrupted else Exit.HARNESS
    for problem in problems:
        yield Reason(code, f"The history does not reconcile: {problem}.")
