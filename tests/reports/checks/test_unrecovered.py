"""How long a recovery may take."""

import math

import pytest

from gauntlet.reports.checks import unrecovered
from gauntlet.reports.metrics.recovery import Recovery

from ..small_runs import SmallRun, ns, sentences


@pytest.fixture
def recovered(monkeypatch):
    """Return a function that returns a run with faults that were healed at 10 s.

    Each recovers after so many seconds: never if that is infinite, unknown if it is None.
    """

    def run(*took_s, **scenario):
        small = SmallRun((1, 2), **scenario)
        found = {}
        for number, took in enumerate(took_s, 1):
            small.fault(8, 10)
            at_ns = None if took is None or took == math.inf else ns(10 + took)
            why = "its heal is not known" if took is None else ""
            found[f"fault-{number}"] = Recovery(at_ns, ns(20), why)
        monkeypatch.setattr(unrecovered, "find_recoveries", lambda _history: found)
        return small

    return run


@pytest.mark.parametrize(
    ("took_s", "what"),
    [
        (0, ""),
        (5, ""),
        (5.001, "recovered 5 s after the heal of fault fault-1; the allowed time is 5 s."),
        (7.5, "recovered 7.5 s after the heal of fault fault-1; the allowed time is 5 s."),
        (math.inf, "did not recover within the 5 s allowed after the heal of fault fault-1."),
    ],
)
def test_a_service_recovers_within_the_window(recovered, took_s, what):
    found = recovered(took_s, recovery_window=5).verdict("unrecovered")
    assert sentences(found) == [f"The service {what}"] * bool(what)
    assert (found.count, found.examined) == (bool(what), 1)
    assert found.outcome == ("invalid" if what else "valid")


@pytest.mark.parametrize(("took_s", "count"), [(2, 0), (2.001, 1)])
def test_a_fault_may_allow_another_time(recovered, took_s, count):
    run = recovered(took_s, recovery_window=5)
    run.story.scenario["faults"][0]["expect"] = {"recover_within": 2}
    assert run.verdict("unrecovered").count == count


def test_each_fault_is_judged_by_itself(recovered):
    found = recovered(1, None, math.inf, recovery_window=5).verdict("unrecovered")
    assert (found.outcome, found.count, found.examined) == ("invalid", 1, 3)
    assert "of fault fault-3." in found.witnesses[0].sentence
    found = recovered(None, 1, None, recovery_window=5).verdict("unrecovered")
    assert (found.outcome, found.count) == ("unknown", 0)
    assert found.sentence == (
        "Recovery cannot be judged for fault fault-1: its heal is not known; for fault fault-3: "
        "its heal is not known."
    )


def test_without_faults_there_is_nothing_to_recover_from(recovered):
    found = recovered().verdict("unrecovered")
    assert (found.outcome, found.sentence) == ("not-applicable", "The scenario has no faults.")


def test_the_witness_names_what_was_not_normal(recovered, monkeypatch):
    run = recovered(math.inf, recovery_window=5)
    never = Recovery(None, ns(20), hindrance="some users were not connected")
    monkeypatch.setattr(unrecovered, "find_recoveries", lambda _history: {"fault-1": never})
    (sentence,) = sentences(run.verdict("unrecovered"))
    assert sentence.endswith(
        "after the heal of fault fault-1: at the end of that time, some users were not connected."
    )


def test_a_scenario_without_faults_is_not_judged():
    found = SmallRun((1, 2)).verdict("unrecovered")
    assert (found.outcome, found.examined) == ("not-applicable", 0)
    assert found.sentence == "The scenario has no faults."
