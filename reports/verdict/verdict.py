"""Why a run ended as it did: every reason with its exit code, and the verdict they amount to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gauntlet.core.errors import PRECEDENCE, Exit, first_exit
from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.history.events import Events, Unreachable
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
    """The verdict: the exit code that comes first, and the reasons, the gravest first."""
    code = first_exit({reason.code for reason in reasons})
    ordered = sorted(reasons, key=lambda reason: PRECEDENCE.index(reason.code))
    status = "warn" if reasons and code is Exit.OK else STATUSES[code]
    return {
        "status": status,
        "exit_code": int(code),
        "reasons": [reason.sentence for reason in ordered],
    }


def of_checks(verdicts: list[Verdict], required: set[str]) -> Iterator[Reason]:
    """A violated check fails the run, and one that knows nothing leaves it open, if required."""
    for verdict in verdicts:
        needed = verdict.check in required
        sentence = f"{verdict.check}: {verdict.sentence}"
        if verdict.outcome is Outcome.INVALID:
            example = verdict.witnesses[0].sentence if verdict.witnesses else ""
            code = Exit.FAILED if needed else Exit.OK
            yield Reason(code, f"{sentence} {example}".rstrip())
        elif verdict.outcome is Outcome.UNKNOWN and needed:
            yield Reason(Exit.INCONCLUSIVE, sentence)


def of_objectives(judged: list[Judged]) -> Iterator[Reason]:
    """A missed objective fails the run or warns, as its severity says; doubts come by cause."""
    doubts: dict[str, list[str]] = {}
    for one in judged:
        hard = one.objective.severity == "fail"
        if one.outcome is Outcome.INVALID:
            code = Exit.FAILED if hard else Exit.OK
            yield Reason(code, f"{one.objective.id}: {one.sentence}")
        elif one.outcome is Outcome.UNKNOWN and hard:
            doubts.setdefault(one.unknown, []).append(one.objective.id)
    for cause, ids in doubts.items():
        yield Reason(Exit.INCONCLUSIVE, f"{', '.join(ids)}: not known, {cause}.")


def of_events(events: Events) -> Iterator[Reason]:
    """Interruption; faults that were not healed, could not be injected, or show no effect."""
    if events.interrupted:
        yield Reason(Exit.INTERRUPTED, f"The run was cut short: {events.interrupted}.")
    if events.unreachable and not events.interrupted:
        yield _of_unreachable(events, events.unreachable)
    if events.error:
        yield Reason(Exit.HARNESS, f"The harness failed: {events.error}.")
    for sentence in () if events.interrupted else events.lost.values():
        yield Reason(Exit.HARNESS, f"{sentence}; what it sent and saw is not judged.")
    for fault in events.faults:
        if fault.heal_failed:
            yield Reason(Exit.ROLLBACK, f"{fault.id} was not healed: {fault.heal_failed}.")
        elif fault.requested_ns is not None and fault.healed_ns is None:
            yield Reason(Exit.ROLLBACK, f"{fault.id} was injected, and nothing says it was healed.")
        if fault.failed:
            # A stop cuts proofs short too.
            code = Exit.INTERRUPTED if events.interrupted else Exit.HARNESS
            yield Reason(code, f"{fault.id} did not go as it should: {fault.failed}.")
        elif not fault.proven and not events.interrupted:
            yield Reason(Exit.INCONCLUSIVE, f"There is no proof that {fault.id} acted.")


def _of_unreachable(events: Events, found: Unreachable) -> Reason:
    """Nobody ever connected: a finding where a fault was there first, else no target at all."""
    for fault in events.faults:
        if fault.requested_ns is not None and fault.requested_ns <= found.since_ns:
            sentence = f"After {fault.id} was injected {found.reason}."
            return Reason(Exit.FAILED, sentence)
    return Reason(Exit.HARNESS, f"{found.reason[0].upper()}{found.reason[1:]}.")


def of_history(problems: list[str], events: Events) -> Iterator[Reason]:
    """A history that does not add up is the harness's fault, unless the run was cut short."""
    code = Exit.INTERRUPTED if events.interrupted else Exit.HARNESS
    for problem in problems:
        yield Reason(code, f"The history does not reconcile: {problem}.")
