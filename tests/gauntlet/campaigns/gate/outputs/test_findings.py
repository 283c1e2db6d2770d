"""What the runs of a scenario found, with the worst outcome first."""

from gauntlet.campaigns.gate.outcome import Scenario
from gauntlet.campaigns.gate.outputs import findings

from ..example import case, gate, run
from . import gates


def card(*runs, **changes):
    (found,) = findings.cards(gate(runs=runs, **changes))
    return found


def test_a_scenario_whose_runs_passed_is_correct():
    found = card(run(), run(number=2))
    assert (found.tone, found.answer) == ("valid", "correct in all 2 runs")
    assert not found.findings
    assert [each.name for each in found.held] == ["lost-acked"]


def test_a_violation_is_counted_and_names_its_runs():
    (found,) = findings.cards(gates.incorrect())
    assert (found.tone, found.answer) == ("invalid", "not correct in 1 of 3 runs")
    first, second = found.findings
    assert (first.name, first.runs) == ("lost-acked", 3)
    assert [(each.run.number, each.anchor) for each in first.places] == [(2, "evidence-lost-acked")]
    assert (second.name, second.required) == ("late", False)


def test_reasons_that_no_finding_says_are_told():
    (found,) = findings.cards(gates.incorrect())
    assert [each.sentence for each in found.reasons] == [
        "acked-floor: Too little was acknowledged."
    ]


def test_what_nothing_depends_on_may_stay_unknown():
    cases = (case(verdict="unknown", required=False), case("x", verdict="unknown"))
    found = card(run(exit_code=5, status="inconclusive", cases=cases))
    assert [each.name for each in found.findings] == ["x"]
    assert (found.tone, found.answer) == ("unknown", "no verdict in its run")


def test_a_fault_from_which_the_system_did_not_recover_is_no_mere_warning():
    cases = (case("cut", verdict="invalid", group="faults", required=False),)
    (found,) = card(run(exit_code=1, cases=cases)).findings
    assert found.required


def test_runs_that_were_repeated_do_not_count_but_are_noted():
    found = card(run(exit_code=5, status="inconclusive", set_aside=True), run(number=2))
    assert found.answer == "correct in its run"
    assert found.notes == ["1 run was inconclusive and was repeated."]


def test_a_wrong_reference_is_noted_and_decides_nothing():
    found = card(run("reference", exit_code=1, status="fail"), run(), mode="against")
    assert found.tone == "valid"
    (note,) = found.notes
    assert "The reference was not correct in its run" in note


def test_a_calibration_counts_both_versions():
    found = card(run("reference", exit_code=1, reasons=("x",)), run(), mode="calibration")
    assert found.answer == "not correct in 1 of 2 runs"
    assert not found.notes


def test_a_scenario_without_a_run_says_so():
    found = card(scenarios=(Scenario("calm", "x"),))
    assert (found.tone, found.answer) == ("unknown", "no run that counts")


def test_warnings_are_counted():
    found = card(run(status="warn"), run(number=2))
    assert found.answer == "correct in all 2 runs, with warnings in 1 of 2 runs"


def test_a_run_without_a_reason_says_that():
    (reason,) = card(run(exit_code=3, status="error")).reasons
    assert reason.sentence == "No reason is given."


def test_many_reasons_are_counted():
    runs = [run(number=at, exit_code=3, reasons=(f"{at}",)) for at in range(15)]
    found = card(*runs)
    assert (len(found.reasons), found.more_reasons) == (10, 5)
