"""Which runs a gate makes, in which order, with a runner that a test decides about."""

import msgspec
import pytest

from gauntlet.campaigns.gate.campaign import Campaign, Plan
from gauntlet.campaigns.gate.comparing.baseline import Baseline
from gauntlet.campaigns.gate.comparing.decision import Question
from gauntlet.campaigns.gate.outcome import BaselineGate, RunStopped
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.campaigns.gate.suite import Compare, Suite
from gauntlet.core.errors import Interrupted
from gauntlet.scenarios import library

from .example import run as make_run

NAME = "delivery_p50_ms@steady"


class Runner:
    """Runs with codes and values that a test gives, by version; it remembers their order."""

    def __init__(self, codes=(), factor=1.0, noise=(0.0,)):
        self.codes = list(codes)
        self.factor = factor
        self.noise = noise
        self.order = []
        self.interrupt_at = None
        self.coded = "candidate"

    def run(self, subject, version, number):
        if len(self.order) == self.interrupt_at:
            raise Interrupted("stopped")
        self.order.append((subject.name, version, number))
        code = self.codes.pop(0) if self.codes and version == self.coded else 0
        value = 10.0
        if version == "candidate":
            value *= self.factor * (1 + self.noise[number % len(self.noise)])
        status = {0: "pass", 1: "fail", 5: "inconclusive"}.get(code, "error")
        values = {} if code == 5 else {NAME: value}
        unusable = "the numbers are machine-saturated" if code == 5 else ""
        fields = {
            "unusable": unusable,
            "exit_code": code,
            "status": status,
            "values": values,
            "scenario": subject.name,
        }
        return make_run(version, number, **fields)


def gate(runner, *names, repeat=1, compare=None, **plan):
    subjects = [Subject(library.find(name)) for name in names or ("steady",)]
    suite = Suite(version=1, scenarios=list(names), name="s", repeat=repeat, compare=compare)
    made = Plan(id="g", suite=suite, subjects=subjects, **plan)
    if (compare and compare.against is not None) or plan.get("aa_pairs"):
        questions = [Question(each.name, "delivery_p50_ms", "steady", 0.1) for each in subjects]
        made = made._replace(references=subjects, questions=questions)
    return Campaign(made, runner, lambda _text: None).run()


def against(**changes):
    from gauntlet.campaigns.gate.suite import Against

    return Compare(against=Against(), **changes)


def test_every_scenario_runs_as_often_as_the_suite_says():
    runner = Runner()
    found = gate(runner, "steady", "tour", repeat=2)
    assert [name for name, _, _ in runner.order] == ["steady", "tour", "steady", "tour"]
    assert (found.mode, found.verdict.exit_code) == ("absolute", 0)


def test_an_inconclusive_run_is_repeated_within_a_bound():
    runner = Runner([5])
    found = gate(runner)
    assert [run.set_aside for run in found.runs] == [True, False]
    assert found.verdict.exit_code == 0
    runner = Runner([5] * 9)
    found = gate(runner)
    assert len(runner.order) == 2
    assert found.verdict.exit_code == 5


def test_a_failed_run_is_never_repeated():
    runner = Runner([1])
    assert gate(runner).verdict.exit_code == 1
    assert len(runner.order) == 1


def test_versions_run_in_turns_and_the_first_one_alternates():
    runner = Runner(noise=(0.0, 0.01, -0.01))
    found = gate(runner, compare=against(pairs=3, max_pairs=3))
    assert [version[0] for _, version, _ in runner.order] == ["r", "c", "c", "r", "r", "c"]
    assert (found.mode, found.verdict.status) == ("against", "pass")
    assert found.significant_below == 0.01
    assert found.comparisons[0].outcome == "no-regression"


def test_a_slower_candidate_fails():
    found = gate(Runner(factor=1.3, noise=(0.0, 0.01, -0.01)), compare=against(pairs=5))
    assert found.verdict.exit_code == 1
    assert "delivery_p50_ms in steady load is higher by 10 % or more" in found.verdict.reasons[0]


def test_an_undecided_comparison_is_repeated_within_a_bound():
    noise = (0.6, -0.4, 0.5, -0.45, 0.4)
    runner = Runner(noise=noise)
    found = gate(runner, compare=against(pairs=3, max_pairs=9))
    assert len(runner.order) == 2 * 9
    assert found.verdict.status == "inconclusive"
    assert found.comparisons[0].outcome == "undecided"
    assert found.significant_below == pytest.approx(0.01 / 3)  # each of the three looks has a share


def test_a_regression_of_one_scenario_ends_the_pairs_of_all():
    class OneSlow(Runner):
        def run(self, subject, version, number):
            slow = subject.name == "tour"
            self.factor = 1.5 if slow else 1.0
            self.noise = (0.0, 0.01, -0.01) if slow else (0.6, -0.4, 0.5)
            return super().run(subject, version, number)

    runner = OneSlow()
    found = gate(runner, "steady", "tour", compare=against(pairs=3, max_pairs=9))
    assert len(runner.order) == 2 * 2 * 3
    assert [each.outcome for each in found.comparisons] == ["undecided", "regression"]
    assert found.verdict.exit_code == 1


def test_a_decision_of_one_look_stays():
    """More pairs are run for another figure, and in these the first one is as before."""

    class SlowAtFirst(Runner):
        def run(self, subject, version, number):
            slow = version == "candidate" and number <= 4
            noisy = 10.0 * (1 + self.noise[number % 3] * (version == "candidate"))
            values = {NAME: 20.0 if slow else 10.0, "ack_p50_ms@steady": noisy}
            return msgspec.structs.replace(super().run(subject, version, number), values=values)

    subject = Subject(library.find("steady"))
    questions = [
        Question("steady", "delivery_p50_ms", "steady", 0.1, severity="warn"),
        Question("steady", "ack_p50_ms", "steady", 0.1),
    ]
    suite = Suite(version=1, scenarios=[], name="s", compare=against(pairs=4))
    plan = Plan("g", suite, [subject], references=[subject], questions=questions)
    runner = SlowAtFirst(noise=(0.6, -0.4, 0.5))
    found = Campaign(plan, runner, print).run()
    assert len(runner.order) == 2 * 12
    assert [each.outcome for each in found.comparisons] == ["regression", "undecided"]
    assert [each.count for each in found.comparisons] == [4, 12]


def test_the_last_look_has_no_more_pairs_than_the_suite_allows():
    runner = Runner(noise=(0.6, -0.4, 0.5, -0.45, 0.4))
    found = gate(runner, compare=against(pairs=3, max_pairs=7))
    assert len(runner.order) == 2 * 7
    assert found.comparisons[0].count == 7


def test_a_comparison_that_only_warns_is_not_repeated():
    runner = Runner(noise=(0.6, -0.4, 0.5))
    subject = Subject(library.find("steady"))
    question = Question("steady", "delivery_p50_ms", "steady", 0.1, severity="warn")
    suite = Suite(version=1, scenarios=[], name="s", compare=against(pairs=3))
    plan = Plan("g", suite, [subject], references=[subject], questions=[question])
    found = Campaign(plan, runner, print).run()
    assert len(runner.order) == 6
    assert (found.comparisons[0].outcome, found.verdict.status) == ("undecided", "pass")


def test_only_undecided_scenarios_are_run_again():
    class OneNoisy(Runner):
        def run(self, subject, version, number):
            self.noise = (0.6, -0.4, 0.5) if subject.name == "tour" else (0.0, 0.01, -0.01)
            return super().run(subject, version, number)

    runner = OneNoisy()
    gate(runner, "steady", "tour", compare=against(pairs=3, max_pairs=6))
    names = [name for name, _, _ in runner.order]
    assert (names.count("steady"), names.count("tour")) == (6, 12)


def test_a_candidate_that_fails_is_not_measured_further():
    runner = Runner([0, 1], noise=(0.6, -0.4, 0.5))
    found = gate(runner, compare=against(pairs=3, max_pairs=9))
    assert len(runner.order) == 6
    assert found.verdict.exit_code == 1


@pytest.mark.parametrize("code", [4, 6])
@pytest.mark.parametrize(("version", "count"), [("reference", 1), ("candidate", 2)])
def test_a_run_that_cannot_start_or_heal_ends_the_pairs_at_once(code, version, count):
    runner = Runner([code])
    runner.coded = version
    found = gate(runner, "steady", "tour", compare=against(pairs=3))
    assert len(runner.order) == count
    assert found.verdict.exit_code == code


def test_a_failure_in_a_calibration_counts_for_either_version():
    runner = Runner([0, 1])
    runner.coded = "reference"
    assert gate(runner, aa_pairs=3).verdict.exit_code == 1


def test_too_few_usable_pairs_are_inconclusive_and_never_pass():
    found = gate(Runner([0, 0, 5, 5, 5, 5]), compare=against(pairs=3, max_pairs=6))
    assert found.verdict.status == "inconclusive"
    assert found.comparisons[0].outcome == "unknown"
    words = "fewer than 3 usable measurements (in 4 runs, the numbers are machine-saturated)"
    assert words in found.verdict.reasons[0]


def test_scenarios_that_are_not_compared_run_as_usual():
    runner = Runner(noise=(0.0, 0.01, -0.01))
    steady, tour = (Subject(library.find(name)) for name in ("steady", "tour"))
    suite = Suite(version=1, scenarios=[], name="s", compare=against(pairs=3))
    plan = Plan("g", suite, [steady, tour], references=[steady])
    Campaign(plan, runner, print).run()
    assert runner.order[-1] == ("tour", "candidate", 1)
    assert len(runner.order) == 7


def test_an_interrupt_keeps_the_runs_that_were_made():
    runner = Runner()
    runner.interrupt_at = 1
    found = gate(runner, "steady", "tour")
    assert len(found.runs) == 1
    assert (found.verdict.status, found.verdict.exit_code) == ("aborted", 2)


def test_a_run_that_an_interrupt_stopped_counts():
    """It may have left a fault that is not healed."""

    class Stopped(Runner):
        def run(self, subject, version, number):
            raise RunStopped(super().run(subject, version, number))

    found = gate(Stopped([6]), "steady", "tour")
    assert [run.exit_code for run in found.runs] == [6]
    assert found.verdict.exit_code == 6


def test_a_calibration_says_what_can_be_decided_and_decides_nothing():
    noise = (0.02, -0.02, 0.01, -0.01, 0.0)
    runner = Runner(noise=noise)
    found = gate(runner, aa_pairs=10)
    assert len(runner.order) == 20
    assert (found.mode, found.comparisons, found.verdict.status) == ("calibration", (), "pass")
    assert found.significant_below is None
    (calibrated,) = found.calibration
    assert calibrated.pairs == 10
    assert calibrated.smallest <= 0.15
    assert "with 5 to 15 pairs" in calibrated.sentence
    assert "is found in 95 % of gates" in calibrated.sentence


def test_a_calibration_of_a_fixed_number_of_pairs_names_one_number():
    compare = against(pairs=5, max_pairs=5)
    (calibrated,) = gate(Runner(noise=(0.01, -0.01)), compare=compare, aa_pairs=4).calibration
    assert "with 5 pairs and" in calibrated.sentence


def test_a_calibration_without_usable_pairs_says_so():
    (calibrated,) = gate(Runner([5] * 10), aa_pairs=3).calibration
    assert calibrated.smallest is None
    assert "nothing can be said; 0 pairs can be used" in calibrated.sentence


@pytest.mark.parametrize(
    ("values", "status"), [((10, 10.1, 9.9, 10), "pass"), ((5, 5.1, 4.9, 5), "fail")]
)
def test_a_baseline_is_compared_with_every_run(values, status):
    question = Question("steady", "delivery_p50_ms", "steady", 0.1)
    suite = Suite(
        version=1, scenarios=[], name="s", repeat=3, compare=Compare(baseline="old", pairs=3)
    )
    named = BaselineGate("old-gate", "2026-11-28T09:00:00", len(values), "old/gate.json", "ab" * 32)
    stored = Baseline([{("steady", NAME): list(values)}], (named,))
    plan = Plan(
        "g", suite, [Subject(library.find("steady"))], questions=[question], baseline=stored
    )
    found = Campaign(plan, Runner(noise=(0.0, 0.01, -0.01)), print).run()
    assert (found.mode, found.verdict.status) == ("baseline", status)
    assert found.baseline == (named,)
    assert len(found.runs) == 3
