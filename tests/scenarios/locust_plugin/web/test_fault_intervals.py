"""The intervals in which faults acted."""

import json

from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.locust_plugin.web.fault_intervals import FaultIntervals

S = 1_000_000_000


def test_a_fault_acts_from_its_effect_until_it_is_healed(tmp_path):
    """Until the effect is proven, the request counts; a fault that is not healed has no end."""
    journal = tmp_path / "chaos.jsonl"
    intervals = FaultIntervals(journal)
    assert intervals.read(100 * S) == []
    fault = {"kind": "fault", "id": "down", "fault": "kill", "target": "broker"}
    rows = [("requested", 105), ("effective", 106.5), ("heal-requested", 110), ("healed", 111)]
    seen = []
    for step, at_s in rows:
        with journal.open("a") as file:
            file.write(json.dumps({"t_ns": int(at_s * S), "step": step, **fault}) + "\n")
        (interval,) = intervals.read(100 * S)
        seen.append((interval["step"], interval["from"], interval["to"]))
    assert seen == [
        ("requested", 5, None),
        ("effective", 6.5, None),
        ("heal-requested", 6.5, None),
        ("healed", 6.5, 11),
    ]
    assert (interval["id"], interval["what"]) == ("down", "kill broker")


def test_a_fault_that_was_not_injected_ends_when_that_became_known(tmp_path):
    journal = tmp_path / "chaos.jsonl"
    intervals = FaultIntervals(journal)
    fault = {"kind": "fault", "fault": "kill", "target": "broker"}
    rows = [("a", "requested", 5), ("a", "failed", 7), ("b", "missed", 8),
            ("c", "effective", 8), ("c", "failed", 9)]  # fmt: skip
    journal.write_text(
        "".join(
            json.dumps({"t_ns": at_s * S, "id": name, "step": step, **fault}) + "\n"
            for name, step, at_s in rows
        )
    )
    assert [(each["id"], each["from"], each["to"]) for each in intervals.read(0)] == [
        ("a", 5, 7),
        ("b", 8, 8),
        ("c", 8, None),
    ]


def test_faults_of_the_scenario_are_shown_before_they_are_requested(tmp_path):
    faults = [
        {"id": "down", "kind": "kill", "target": "edge", "at": "20s", "for": "2s"},
        {"id": "slow", "kind": "latency", "target": "clients", "at": {"after": "500 acks"},
         "for": "2s", "params": {"latency": "20ms"}},
    ]  # fmt: skip
    plain = {"version": 1, "name": "x", "about": "x", "faults": faults}
    journal = tmp_path / "chaos.jsonl"
    intervals = FaultIntervals(journal, from_builtins(plain).faults)
    down, slow = intervals.read(0)
    assert (down["id"], down["what"], down["step"]) == ("down", "kill edge", "waiting")
    assert (down["from"], down["to"], down["planned"]) == (None, None, "20 s")
    assert slow["planned"] == "after 500 acks"
    row = {"t_ns": S, "kind": "fault", "id": "slow", "fault": "latency", "target": "clients"}
    journal.write_text(json.dumps({**row, "step": "effective"}) + "\n")
    down, slow = intervals.read(0)
    assert (down["step"], slow["step"], slow["from"], slow["planned"]) == (
        "waiting",
        "effective",
        1,
        "",
    )


def test_cutover_states_in_the_same_journal_are_not_faults(tmp_path):
    journal = tmp_path / "chaos.jsonl"
    journal.write_text(json.dumps({"t_ns": 1, "kind": "cutover", "state": "drain"}) + "\n")
    assert FaultIntervals(journal).read(0) == []
