"""The verdict of a gate: the most severe of its runs and comparisons."""

import itertools

import pytest

from gauntlet.campaigns.gate import verdict
from gauntlet.campaigns.gate.outcome import Comparison
from gauntlet.core.errors import PRECEDENCE, Exit

from .example import run


def compared(outcome, severity="fail"):
    return Comparison(
        "steady", "delivery_p50_ms", "steady", severity, 0.1, True, outcome, 5,
        10.0, 12.0, 1.2, 1.1, 1.3, 0.001, 0.003, f"The figure is {outcome}.",
    )  # fmt: skip


def ended(code, number=1, version="candidate", **changes):
    return run(
        version, number, exit_code=int(code), status="x", reasons=(f"r{int(code)}",), **changes
    )


def decide(runs, comparisons=(), **options):
    return verdict.decide(runs, comparisons, ["steady"], **options)


def test_a_gate_whose_runs_all_passed_and_got_no_worse_passes():
    found = decide([run(), run(number=2)], [compared("no-regression")])
    assert (found.status, found.exit_code) == ("pass", 0)
    assert found.reasons == ("All 2 runs passed. None of 1 compared figures got worse.",)


def test_what_is_not_decided_is_not_counted_as_not_worse():
    found = decide([run()], [compared("no-regression"), compared("undecided", "warn")])
    (reason,) = found.reasons
    assert "None of 1 compared figures got worse." in reason
    assert reason.endswith("Not decided, which only warns: steady delivery_p50_ms (steady).")
    found = decide([run()], [compared("unknown", "warn")])
    assert "got worse" not in found.reasons[0]


@pytest.mark.parametrize("pair", list(itertools.permutations(PRECEDENCE, 2)))
def test_the_exit_code_is_the_most_severe_and_not_the_largest(pair):
    found = decide([ended(code, number) for number, code in enumerate(pair, 1)])
    assert found.exit_code == min(pair, key=PRECEDENCE.index)


def test_the_most_severe_reason_is_the_first():
    found = decide([ended(5), ended(6, 2), ended(1, 3)])
    assert found.reasons == ("steady, run 2: r6", "steady, run 3: r1", "steady, run 1: r5")
    assert (found.status, found.exit_code) == ("fail", 6)


def test_a_regression_fails_and_an_undecided_comparison_is_inconclusive():
    assert decide([run()], [compared("regression")]).exit_code == Exit.FAILED
    for outcome in ("undecided", "unknown"):
        found = decide([run()], [compared(outcome)])
        assert (found.status, found.exit_code) == ("inconclusive", 5)


def test_warnings_do_not_fail():
    found = decide([run()], [compared("regression", "warn"), compared("undecided", "warn")])
    assert (found.status, found.exit_code) == ("warn", 0)
    assert found.reasons == ("Warning: steady: The figure is regression.",)
    assert decide([run(status="warn")]).status == "warn"


def test_runs_that_were_repeated_do_not_count():
    assert decide([ended(5, set_aside=True), run(number=2)]).status == "pass"
    found = decide([ended(5, set_aside=True)])
    assert (found.status, found.reasons) == ("inconclusive", ("steady has no run that counts.",))


def test_a_scenario_without_any_run_is_inconclusive():
    assert decide([]).exit_code == Exit.INCONCLUSIVE


def test_a_failure_of_the_reference_is_not_that_of_the_candidate():
    assert decide([run(), ended(1, version="reference")]).exit_code == Exit.OK


@pytest.mark.parametrize("code", [Exit.CONFIG, Exit.ROLLBACK, Exit.HARNESS, Exit.INTERRUPTED])
def test_a_reference_that_cannot_be_measured_counts(code):
    found = decide([run(), ended(code, 3, "reference")], [compared("no-regression")])
    assert found.exit_code == code
    assert found.reasons == (f"steady, reference 3: r{int(code)}",)


@pytest.mark.parametrize("code", [each for each in PRECEDENCE if each != Exit.OK])
def test_every_code_counts_in_a_calibration(code):
    runs = [run(), ended(code, version="reference")]
    assert decide(runs, calibration=True).exit_code == code


def test_an_interrupt_counts_unless_something_failed():
    assert decide([run()], interrupted=True).status == "aborted"
    assert decide([ended(1)], interrupted=True).exit_code == Exit.FAILED
