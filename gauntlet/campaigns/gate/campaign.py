"""Makes the runs of a gate in their order, and assembles its outcome."""

import datetime as dt
import time
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from gauntlet.campaigns.gate import score, verdict
from gauntlet.campaigns.gate.comparing import calibrating, decision, measurements
from gauntlet.campaigns.gate.comparing.baseline import Baseline
from gauntlet.campaigns.gate.comparing.decision import Answer, Question
from gauntlet.campaigns.gate.outcome import (
    Comparison,
    Gate,
    PastCalibration,
    Run,
    RunStopped,
    Scenario,
    Version,
)
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.campaigns.gate.suite import Compare, Suite
from gauntlet.campaigns.progress import Say
from gauntlet.core.errors import Exit, Interrupted

# After one of these, further measurements cannot make the gate pass.
_FINAL = (Exit.CONFIG, Exit.ROLLBACK, Exit.FAILED, Exit.HARNESS)
# After one of these of either version, further runs would fail in the same way, or do harm.
_ABORTING = (Exit.CONFIG, Exit.ROLLBACK)


class ScenarioRunner(Protocol):
    """Runs a scenario: by child processes, or in a test."""

    def run(self, subject: Subject, version: Version, number: int) -> Run:
        """Run a scenario once."""
        ...


class Plan(NamedTuple):
    """What a gate does: `references` belong to the subjects that are compared."""

    id: str
    suite: Suite
    subjects: Sequence[Subject]
    references: Sequence[Subject] = ()
    questions: Sequence[Question] = ()
    baseline: Baseline = Baseline()
    aa_pairs: int = 0  # of a calibration
    machine: dict[str, int | str | None] = {}  # noqa: RUF012 - never changed
    past_calibration: PastCalibration | None = None

    @property
    def compare(self) -> Compare:
        """The comparison of the suite, or the default for a calibration."""
        return self.suite.compare or Compare()


class Campaign:
    """One gate: its runs, one after the other, and what they decide."""

    def __init__(self, plan: Plan, runner: ScenarioRunner, say: Say) -> None:
        self._plan = plan
        self._runner = runner
        self._say = say
        self._runs: list[Run] = []
        self._interrupted = False
        self._decided: dict[Question, Comparison] = {}

    def run(self) -> Gate:
        """Make the runs, and return the outcome; an interrupt ends the gate with what there is."""
        began, started = time.monotonic(), dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        plan = self._plan
        try:
            if plan.references:
                self._run_pairs()
            else:
                self._run_repeatedly()
        except (Interrupted, KeyboardInterrupt):
            self._interrupted = True
        self._set_aside()
        comparisons = () if plan.aa_pairs else tuple(self._comparisons().values())
        names = [subject.name for subject in plan.subjects]
        return Gate(
            id=plan.id,
            suite=plan.suite.name,
            labels=plan.suite.labels,
            started=started,
            seconds=round(time.monotonic() - began, 1),
            machine=plan.machine,
            mode=self._mode(),
            verdict=verdict.decide(
                self._runs,
                comparisons,
                names,
                interrupted=self._interrupted,
                calibration=bool(plan.aa_pairs),
            ),
            scenarios=tuple(Scenario(each.name, each.digest) for each in plan.subjects),
            runs=tuple(self._runs),
            comparisons=comparisons,
            score=score.lines(self._runs),
            calibration=calibrating.all_of(plan.questions, self._runs, plan.compare)
            if plan.aa_pairs
            else (),
            significant_below=self._alpha() if comparisons else None,
            past_calibration=plan.past_calibration,
            baseline=plan.baseline.gates,
        )

    def _looks(self) -> int:
        return self._plan.compare.looks if self._plan.references else 1

    def _alpha(self) -> float:
        """Return the share of alpha that each look has."""
        return self._plan.compare.alpha / self._looks()

    def _mode(self) -> Any:
        if self._plan.aa_pairs:
            return "calibration"
        if self._plan.references:
            return "against"
        return "baseline" if self._plan.questions else "absolute"

    def _run_one(self, subject: Subject, version: Version, number: int) -> Run:
        try:
            run = self._runner.run(subject, version, number)
        except RunStopped as stopped:
            self._runs.append(stopped.run)
            raise
        self._runs.append(run)
        reason = f": {run.reasons[0]}" if run.exit_code and run.reasons else ""
        name = f"{run.scenario} {version} {number}"
        self._say(f"{name}: {run.status} (exit {run.exit_code}, {run.seconds:.0f} s){reason}")
        return run

    def _run_repeatedly(self, compared: Collection[str] = ()) -> None:
        """Run each scenario that is not compared `repeat` times.

        Inconclusive runs are repeated as often once more.
        """
        for number in range(1, 2 * self._plan.suite.repeat + 1):
            for subject in self._plan.subjects:
                missing = self._conclusive(subject.name) < self._plan.suite.repeat
                if missing and subject.name not in compared:
                    self._run_one(subject, "candidate", number)

    def _run_pairs(self) -> None:
        """Run both versions in turns, and more of them while a comparison is undecided."""
        compare, compared = self._plan.compare, {each.name: each for each in self._plan.references}
        pairs = self._plan.aa_pairs or compare.pairs
        most = self._plan.aa_pairs or compare.most
        for look in range(1 if self._plan.aa_pairs else compare.looks):
            wanted = set(compared) if look == 0 else self._undecided()
            for number in range(look * pairs + 1, min((look + 1) * pairs, most) + 1):
                for subject in self._plan.subjects:
                    if subject.name in wanted and not self._must_abort():
                        self._run_pair(subject, compared[subject.name], number)
            if self._must_abort():
                return
            self._keep_decisions()
            if not self._undecided() or self._has_failed():
                break
        self._run_repeatedly(compared)

    def _run_pair(self, candidate: Subject, reference: Subject, number: int) -> None:
        """Run a pair; which version is first alternates, so that a drift favours neither."""
        order: list[tuple[Subject, Version]] = [
            (reference, "reference"),
            (candidate, "candidate"),
        ]
        for subject, version in order if number % 2 else reversed(order):
            if not self._must_abort():
                self._run_one(subject, version, number)

    def _conclusive(self, name: str) -> int:
        return sum(
            run.exit_code != Exit.INCONCLUSIVE
            for run in self._runs
            if (run.scenario, run.version) == (name, "candidate")
        )

    def _set_aside(self) -> None:
        """Do not count inconclusive runs of a scenario that has enough others."""
        enough = {
            subject.name
            for subject in self._plan.subjects
            if self._conclusive(subject.name) >= self._plan.suite.repeat
        }
        self._runs = [
            msgspec.structs.replace(run, set_aside=True)
            if run.scenario in enough and run.exit_code == Exit.INCONCLUSIVE
            else run
            for run in self._runs
        ]

    def _must_abort(self) -> bool:
        return any(run.exit_code in _ABORTING for run in self._runs)

    def _has_failed(self) -> bool:
        return any(
            run.exit_code in _FINAL for run in self._runs if run.version == "candidate"
        ) or any(
            each.outcome == "regression" and each.severity == "fail"
            for each in self._decided.values()
        )

    def _keep_decisions(self) -> None:
        """Keep what a look decided: alpha is shared among the looks, so each may decide alone."""
        self._decided = {
            question: found
            for question, found in self._comparisons().items()
            if found.outcome in ("regression", "no-regression")
        }

    def _undecided(self) -> set[str]:
        """Return the scenarios with a comparison that more pairs could decide."""
        return {
            question.scenario
            for question, found in self._comparisons().items()
            if found.outcome in ("undecided", "unknown") and question.severity == "fail"
        }

    def _comparisons(self) -> dict[Question, Comparison]:
        return {
            question: self._decided.get(question) or self._comparison(answer)
            for question, answer in self._answers().items()
        }

    def _answers(self) -> dict[Question, Answer]:
        plan, sessions = self._plan, self._plan.baseline.sessions
        estimates = {
            question: measurements.against_reference(question, self._runs)
            if plan.references
            else measurements.against_baseline(question, self._runs, sessions)
            for question in plan.questions
        }
        return decision.decide(estimates, plan.compare.alpha, self._looks())

    def _comparison(self, answer: Answer) -> Comparison:
        question, runs, sessions = answer.question, self._runs, self._plan.baseline.sessions
        before, after = (
            measurements.typical(question, runs, version, sessions)
            for version in ("reference", "candidate")
        )
        if answer.reason and (why := measurements.why_unusable(question, runs, sessions)):
            answer = answer._replace(reason=f"{answer.reason} ({why})")
        return measurements.comparison(answer, before, after)
