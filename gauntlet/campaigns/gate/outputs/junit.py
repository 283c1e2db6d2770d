"""junit.xml of a gate: a suite for each scenario, and one for the verdict of the gate."""

from collections.abc import Iterable, Iterator

from gauntlet.campaigns.gate.outcome import Case, Comparison, Gate, Run
from gauntlet.core.errors import Exit
from gauntlet.reports.render import junit as run_junit
from gauntlet.reports.render import junit_xml
from gauntlet.reports.render.junit_xml import Ending, Suite

_ENDINGS: dict[str, Ending] = {
    "regression": "failure",
    "undecided": "skipped",
    "unknown": "skipped",
}
# From the best to the worst: repeated runs make one case.
_ORDER = ("not-applicable", "valid", "unknown", "invalid")


def document(gate: Gate) -> str:
    """Return the content of junit.xml."""
    labels = {f"label.{name}": value for name, value in gate.labels.items()}
    suites = [_suite(gate, scenario.name, labels) for scenario in gate.scenarios]
    properties = {"gate": gate.id, "exit_code": str(gate.verdict.exit_code), **labels}
    name = f"gauntlet.gate.{gate.suite}"
    verdict = _verdict(name, gate.verdict.exit_code, gate.verdict.status, gate.verdict.reasons)
    verdict = verdict._replace(time_s=gate.seconds)
    suites.append(Suite(name, [verdict], properties, gate.started, gate.seconds))
    return junit_xml.document(suites)


def _suite(gate: Gate, scenario: str, labels: dict[str, str]) -> Suite:
    all_runs = [run for run in gate.runs if run.scenario == scenario]
    runs = [run for run in all_runs if run.version == "candidate" and not run.set_aside]
    name = f"gauntlet.{scenario}"
    cases = [*_cases(name, runs), *_comparisons(name, gate.comparisons, scenario)]
    cases += [
        _verdict(name, run.exit_code, run.status, run.reasons)._replace(
            name=f"run {run.number}", time_s=run.seconds
        )
        for run in runs
    ]
    properties = {f"run.{run.number}": run.path for run in runs}
    started = min((run.started for run in all_runs), default=gate.started)
    seconds = sum(run.seconds for run in all_runs)
    return Suite(name, cases, {**labels, **properties}, started, seconds)


def _cases(name: str, runs: Iterable[Run]) -> Iterator[junit_xml.Case]:
    """Yield one case for each check, objective, guard and fault, with its worst outcome."""
    found: dict[tuple[str, str], list[Case]] = {}
    for run in runs:
        for case in run.cases:
            found.setdefault((case.group, case.name), []).append(case)
    for (group, title), cases in found.items():
        worst = max(cases, key=lambda case: _ORDER.index(case.verdict))
        ending = run_junit.ending(worst.verdict, required=worst.required)
        count = sum(case.verdict == worst.verdict for case in cases)
        text = f"{worst.verdict} in {count} of {len(cases)} runs" if len(cases) > 1 else ""
        yield junit_xml.Case(
            f"{name}.{group}", title, ending, worst.sentence if ending else "", text
        )


def _comparisons(
    name: str, comparisons: Iterable[Comparison], scenario: str
) -> Iterator[junit_xml.Case]:
    for each in comparisons:
        if each.scenario == scenario:
            ending = _ENDINGS.get(each.outcome, "")
            ending = "skipped" if ending and each.severity == "warn" else ending
            title = f"{each.indicator} ({each.window})"
            message = each.sentence if ending else ""
            yield junit_xml.Case(f"{name}.comparison", title, ending, message)


def _verdict(name: str, code: int, status: str, reasons: Iterable[str]) -> junit_xml.Case:
    """Return a case that fails for every exit code but 0, as the CI job does."""
    if code == Exit.OK:
        return junit_xml.Case(name, "verdict")
    ending: Ending = "error" if status == "error" else "failure"
    return junit_xml.Case(name, "verdict", ending, f"{status} (exit {code})", "\n".join(reasons))
