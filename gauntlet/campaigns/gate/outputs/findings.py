"""What the runs of each scenario found: whether it is correct, and what was violated where."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gauntlet.campaigns.gate.outcome import Case, Gate, Run
from gauntlet.core.errors import Exit

# From the best to the worst: repeated runs make one finding.
_ORDER = ("not-applicable", "valid", "unknown", "invalid")
_GROUPS = {
    "checks": "check",
    "objectives": "objective",
    "guards": "guard",
    "faults": "fault",
}
_REASONS_MAX = 10


class Place(NamedTuple):
    """A run in which something was found, and its place in the report of the run."""

    run: Run
    anchor: str


class Finding(NamedTuple):
    """The worst outcome of a check, objective, guard or fault in the runs of a scenario."""

    kind: str
    name: str
    verdict: str
    required: bool
    sentence: str
    places: Sequence[Place]
    runs: int


class Reason(NamedTuple):
    """Why a run did not pass, if no finding says it."""

    run: Run
    sentence: str


class Card(NamedTuple):
    """The correctness of one scenario; `tone` is that of its mark."""

    name: str
    tone: str
    answer: str
    findings: Sequence[Finding]
    held: Sequence[Finding]
    reasons: Sequence[Reason]
    more_reasons: int
    notes: Sequence[str]


def cards(gate: Gate) -> list[Card]:
    """Return a card for each scenario of a gate."""
    return [_card(gate, scenario.name) for scenario in gate.scenarios]


def _card(gate: Gate, name: str) -> Card:
    made = [run for run in gate.runs if run.scenario == name]
    own = [run for run in made if run.version == "candidate" and not run.set_aside]
    if gate.mode == "calibration":  # both versions are the candidate
        own = [run for run in made if not run.set_aside]
    found = list(_findings(own))
    bad = [each for each in found if _is_bad(each)]
    reasons = [reason for run in own for reason in _reasons(run, bad)]
    tone, answer = _answer(own)
    return Card(
        name,
        tone,
        answer,
        sorted(bad, key=lambda each: (not each.required, -_ORDER.index(each.verdict))),
        [each for each in found if each.verdict == "valid"],
        reasons[:_REASONS_MAX],
        max(0, len(reasons) - _REASONS_MAX),
        list(_notes(gate, made)),
    )


def _is_bad(each: Finding) -> bool:
    """Return whether a finding is worth a line: what nothing depends on may stay unknown."""
    return each.verdict == "invalid" or (each.required and each.verdict == "unknown")


def _findings(runs: Sequence[Run]) -> Iterator[Finding]:
    found: dict[tuple[str, str], list[tuple[Case, Run]]] = {}
    for run in runs:
        for case in run.cases:
            found.setdefault((case.group, case.name), []).append((case, run))
    for (group, name), cases in found.items():
        worst, _ = max(cases, key=lambda each: _ORDER.index(each[0].verdict))
        places = [Place(run, case.anchor) for case, run in cases if case.verdict == worst.verdict]
        yield Finding(
            _GROUPS[group],
            name,
            worst.verdict,
            worst.required or group == "faults",
            worst.sentence,
            places,
            len(cases),
        )


def _reasons(run: Run, bad: Iterable[Finding]) -> Iterator[Reason]:
    told = [
        each.sentence
        for each in bad
        if each.sentence and any(place.run is run for place in each.places)
    ]
    if run.exit_code == Exit.OK:
        return
    for sentence in run.reasons or ("No reason is given.",):
        if not any(each in sentence for each in told):
            yield Reason(run, sentence)


def _answer(runs: Sequence[Run]) -> tuple[str, str]:
    """Return the tone and the words for all runs of a scenario."""
    wrong = sum(run.exit_code in (Exit.FAILED, Exit.ROLLBACK) for run in runs)
    passed = sum(run.exit_code == Exit.OK for run in runs)
    warned = sum(run.exit_code == Exit.OK and run.status == "warn" for run in runs)
    if not runs:
        return "unknown", "no run that counts"
    if wrong:
        return "invalid", f"not correct {_in(wrong, len(runs))}"
    if passed < len(runs):
        return "unknown", f"no verdict {_in(len(runs) - passed, len(runs))}"
    words = f"correct {_in(passed, passed)}"
    return "valid", words + (f", with warnings {_in(warned, passed)}" if warned else "")


def _in(count: int, runs: int) -> str:
    if runs == 1:
        return "in its run"
    return f"in all {runs} runs" if count == runs else f"in {count} of {runs} runs"


def _notes(gate: Gate, runs: Sequence[Run]) -> Iterator[str]:
    aside = sum(run.set_aside for run in runs)
    if aside:
        one = "run was inconclusive and was" if aside == 1 else "runs were inconclusive and were"
        yield f"{aside} {one} repeated."
    references = [run for run in runs if run.version == "reference"]
    wrong = sum(run.exit_code == Exit.FAILED for run in references)
    if wrong and gate.mode != "calibration":
        yield (
            f"The reference was not correct {_in(wrong, len(references))}, which decides nothing "
            "about the change."
        )
