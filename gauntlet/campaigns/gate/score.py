"""The resiliency score: what was promised, and in how many runs it was kept; a pure function.

It explains and does not decide: a gate with a score of 99 can be red.
"""

from collections.abc import Iterable, Sequence

from gauntlet.campaigns.gate.outcome import Case, Run, ScoreLine

WEIGHTS = {"checks": 10, "faults": 5, "objectives": 3}
_PROMISES = {
    "checks": "all required checks are valid",
    "objectives": "all required objectives are met",
}


def lines(runs: Iterable[Run]) -> tuple[ScoreLine, ...]:
    """Return the lines of the score, for the candidate's runs that count."""
    counted = [run for run in runs if run.version == "candidate" and not run.set_aside]
    found = []
    for name in dict.fromkeys(run.scenario for run in counted):
        own = [run for run in counted if run.scenario == name]
        found += [line for group in _PROMISES if (line := _group(name, group, own))]
        faults = dict.fromkeys(
            case.name for run in own for case in run.cases if case.group == "faults"
        )
        for fault in faults:
            kept = sum(any(_is_fault(case, fault) for case in run.cases) for run in own)
            promise = f"the system recovers from {fault}"
            found.append(ScoreLine(name, promise, kept, len(own), WEIGHTS["faults"]))
    return tuple(found)


def total(found: Sequence[ScoreLine]) -> float | None:
    """Return the score, from 0 to 100; None if nothing was promised."""
    weights = sum(line.weight for line in found)
    return 100 * sum(line.points for line in found) / weights if weights else None


def _group(name: str, group: str, runs: Sequence[Run]) -> ScoreLine | None:
    """Return the line on the required cases of a group; None if there are none in any run.

    A run that ended before it was judged kept no promise.
    """
    required = [
        [case for case in run.cases if case.group == group and case.required] for run in runs
    ]
    if not any(required):
        return None
    accepted = ("valid", "not-applicable")
    kept = sum(
        bool(cases) and all(each.verdict in accepted for each in cases) for cases in required
    )
    return ScoreLine(name, _PROMISES[group], kept, len(runs), WEIGHTS[group])


def _is_fault(case: Case, fault: str) -> bool:
    return (case.group, case.name, case.verdict) == ("faults", fault, "valid")
