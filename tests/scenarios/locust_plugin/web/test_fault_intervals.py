"""The intervals in which faults acted."""

import json

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


def test_cutover_states_in_the_same_journal_are_not_faults(tmp_path):
    journal = tmp_path / "chaos.jsonl"
    journal.write_text(json.dumps({"t_ns": 1, "kind": "cutover", "state": "drain"}) + "\n")
    assert FaultIntervals(journal).read(0) == []
