"""The verdict of a gate from its runs and comparisons: a pure function.

Correctness is absolute: every run of the candidate counts. A change of latency or cost counts if
the comparison decided on it. The exit code is the most severe of all, in the order of all commands.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gauntlet.campaigns.gate.outcome import Comparison, Run, Status, Verdict
from gauntlet.core.errors import PRECEDENCE, Exit, first_exit

_STATUSES: dict[Exit, Status] = {
    Exit.CONFIG: "error",
    Exit.ROLLBACK: "fail",
    Exit.FAILED: "fail",
    Exit.HARNESS: "error",
    Exit.INTERRUPTED: "aborted",
    Exit.INCONCLUSIVE: "inconclusive",
}
_SENTENCES_MAX = 50
# A reference may fail its checks, or be inconclusive; these say that it could not be measured.
OF_REFERENCES = (Exit.CONFIG, Exit.ROLLBACK, Exit.HARNESS, Exit.INTERRUPTED)


class Reason(NamedTuple):
    """One reason of the verdict, with the exit code that it asks for."""

    exit: Exit
    sentence: str


def decide(
    runs: Sequence[Run],
    comparisons: Sequence[Comparison],
    scenarios: Sequence[str],
    *,
    interrupted: bool = False,
    calibration: bool = False,
) -> Verdict:
    """Return the verdict; `scenarios` are the names of those that had to run.

    In a calibration, both versions are the candidate.
    """
    of_references = tuple(Exit) if calibration else OF_REFERENCES
    reasons = [
        *_of_runs(runs, of_references),
        *_of_missing(runs, scenarios),
        *_of_comparisons(comparisons),
    ]
    if interrupted:
        reasons.append(Reason(Exit.INTERRUPTED, "The gate was interrupted."))
    reasons.sort(key=lambda reason: PRECEDENCE.index(reason.exit))
    code = first_exit({reason.exit for reason in reasons})
    warns = any(run.status == "warn" for run in runs if run.version == "candidate")
    warned = any(reason.exit == Exit.OK for reason in reasons) or warns
    status = _STATUSES.get(code, "warn" if warned else "pass")
    sentences = [reason.sentence for reason in reasons][:_SENTENCES_MAX]
    return Verdict(status, int(code), tuple(sentences) or (_success(runs, comparisons),))


def _of_runs(runs: Iterable[Run], of_references: Sequence[Exit]) -> Iterator[Reason]:
    for run in runs:
        if run.set_aside or run.exit_code == Exit.OK:
            continue
        reason = next(iter(run.reasons), "no reason is given")
        if run.version == "candidate":
            yield Reason(Exit(run.exit_code), f"{run.scenario}, run {run.number}: {reason}")
        elif run.exit_code in of_references:
            yield Reason(Exit(run.exit_code), f"{run.scenario}, reference {run.number}: {reason}")


def _of_missing(runs: Sequence[Run], scenarios: Iterable[str]) -> Iterator[Reason]:
    for name in scenarios:
        own = [run for run in runs if run.scenario == name and run.version == "candidate"]
        if all(run.set_aside for run in own):
            yield Reason(Exit.INCONCLUSIVE, f"{name} has no run that counts.")


def _of_comparisons(comparisons: Iterable[Comparison]) -> Iterator[Reason]:
    for each in comparisons:
        sentence = f"{each.scenario}: {each.sentence}"
        if each.outcome == "no-regression":
            continue
        if each.severity == "warn":
            if each.outcome == "regression":
                yield Reason(Exit.OK, f"Warning: {sentence}")
        elif each.outcome == "regression":
            yield Reason(Exit.FAILED, sentence)
        else:
            yield Reason(Exit.INCONCLUSIVE, sentence)


def _success(runs: Sequence[Run], comparisons: Sequence[Comparison]) -> str:
    count = sum(run.version == "candidate" and not run.set_aside for run in runs)
    sentence = f"All {count} runs passed." if count != 1 else "The run passed."
    better = sum(each.outcome == "no-regression" for each in comparisons)
    if better:
        sentence += f" None of {better} compared figures got worse."
    rest = [
        f"{each.scenario} {each.indicator} ({each.window})"
        for each in comparisons
        if each.outcome != "no-regression"
    ]
    if rest:
        sentence += f" Not decided, which only warns: {', '.join(rest)}."
    return sentence
