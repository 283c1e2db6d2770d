"""What decided, in one sentence that a stranger understands."""

import pytest

from gauntlet.campaigns.gate.outcome import Verdict
from gauntlet.campaigns.gate.outputs import wording

from ..example import case, gate, run
from . import gates
from .example import compared

SENTENCES = {
    "equal": "The change may proceed: all 5 runs of the candidate were correct, and the median "
    "time until acknowledged did not get 8 % higher.",
    "slower": "The change must not proceed: the median time until acknowledged of chat rose by "
    "14.3 %, and 8 % is the limit.",
    "incorrect": "The change must not proceed: 1 of 3 runs broke a promise: 1 of 320 acknowledged "
    "messages is missing from storage (lost-acked in chat).",
    "noisy": "Too little evidence to let the change proceed: the measurements are too noisy for "
    "the median time until acknowledged of chat.",
    "calibrated": "Nothing was compared but equal versions. On this machine, a gate of this suite "
    "finds a change of 10 % of the median time until acknowledged.",
    "broken": "Nothing is proven about the change: the test itself failed (steady, candidate 1).",
    "interrupted": "Nothing is decided: the gate was interrupted after 0 runs.",
}


@pytest.mark.parametrize("name", SENTENCES)
def test_the_verdict_is_one_sentence(name):
    assert wording.verdict(gates.ALL[name]()) == SENTENCES[name]


def failed(code, *runs, **changes):
    return gate(runs=runs, verdict=Verdict("error", code, ("why.",)), **changes)


def test_faults_and_configurations_name_the_run():
    assert wording.verdict(failed(6, run(exit_code=6))) == (
        "The gate was ended because a fault could not be healed (steady, candidate 1)."
    )
    assert wording.verdict(failed(4, run("reference", exit_code=4))) == (
        "Nothing is proven about the change: it could not be run (steady, reference 1)."
    )


def test_a_violation_and_a_regression_are_both_told():
    made = failed(1, run(exit_code=1, cases=(gates.LOST,)), comparisons=(compared(),))
    text = wording.verdict(made)
    assert "its run broke a promise: 1 of 320 " in text
    assert "(lost-acked in steady), and the median time until" in text


def test_a_violation_that_is_long_is_only_named():
    cases = (case(verdict="invalid", sentence="x" * 500),)
    text = wording.verdict(failed(1, run(exit_code=1, cases=cases)))
    assert text == "The change must not proceed: its run broke a promise (lost-acked in steady)."
    assert wording.verdict(failed(1, run(exit_code=1, cases=()))).endswith("broke a promise.")


def test_a_reference_that_is_wrong_does_not_stand_for_the_candidate():
    runs = (run("reference", exit_code=1, cases=(gates.LOST,)), run())
    assert "promise" not in wording.verdict(failed(1, *runs, comparisons=(compared(),)))
    assert "promise" in wording.verdict(failed(1, *runs, mode="calibration"))


def test_the_verdict_names_what_only_warns():
    worse = compared(severity="warn")
    text = wording.verdict(gate(comparisons=(worse,), verdict=Verdict("warn", 0, ("x",))))
    assert "as a warning, the median time until delivered of steady rose by 20.0 %" in text
    text = wording.verdict(gate(runs=(run(status="warn"),), verdict=Verdict("warn", 0, ("x",))))
    assert "some checks that only warn were violated" in text


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(1.2, "rose by 20.0 %"), (0.8, "fell by 20.0 %"), (40.0, "rose to × 40"), (None, "changed")],
)
def test_a_regression_says_in_which_direction_a_figure_moved(ratio, words):
    text = wording.verdict(failed(1, run(), comparisons=(compared(ratio=ratio),)))
    assert f"until delivered of steady {words}, and 10 % is the limit" in text


def test_the_worst_comparison_is_first():
    outcomes = ("no-regression", "undecided", "regression", "unknown")
    found = wording.worst_first([compared(outcome=each) for each in outcomes])
    assert [each.outcome for each in found] == [
        "regression", "unknown", "undecided", "no-regression",
    ]  # fmt: skip


def test_many_figures_are_cut():
    many = [compared(indicator=f"ack_{name}_ms") for name in ("p50", "p90", "p95", "p99", "p999")]
    assert "and 2 more" in wording.verdict(failed(1, run(), comparisons=tuple(many)))


def test_without_evidence_the_reason_is_told():
    assert wording.verdict(failed(5, run(), mode="calibration")).startswith(
        "Too little evidence to say what this machine can decide: "
    )
    assert wording.verdict(failed(5, run())) == (
        "Too little evidence to let the change proceed: why."
    )
    unknown = compared(outcome="unknown")
    text = wording.verdict(failed(5, run(exit_code=5), comparisons=(unknown,)))
    assert "1 run has no verdict (steady, candidate 1)" in text
    assert "too few measurements can be used for the median time until delivered" in text


def test_a_machine_that_finds_nothing_says_so():
    made = gate(mode="calibration", verdict=Verdict("pass", 0, ("x",)))
    assert wording.verdict(made).endswith("finds no change reliably.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Regressed: 10 % higher or more"),
        ({"outcome": "no-regression"}, "Not 10 % higher"),
        ({"outcome": "no-regression", "lower_is_better": False}, "Not 10 % lower"),
        ({"outcome": "undecided"}, "Undecided: too noisy for 5 pairs"),
        ({"outcome": "unknown", "severity": "warn"}, "Unknown: too few usable pairs (only warns)"),
    ],
)
def test_decisions_are_in_words(changes, words):
    assert wording.decision(gate(mode="against"), compared(**changes)) == words


def test_measurements_of_a_baseline_are_runs():
    assert wording.measurements(gate(mode="baseline"), 1) == "1 run"
    assert wording.measurements(gate(mode="against")) == "pairs"
