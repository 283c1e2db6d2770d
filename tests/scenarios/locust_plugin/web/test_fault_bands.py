"""When which fault acted."""

import json

from gauntlet.scenarios.locust_plugin.web.fault_bands import Bands

S = 1_000_000_000


def test_a_fault_acts_from_its_effect_until_it_is_healed(tmp_path):
    """Until the effect is proven, the request stands for it; what is not healed has no end."""
    journal = tmp_path / "chaos.jsonl"
    bands = Bands(journal)
    assert bands.read(100 * S) == []
    fault = {"kind": "fault", "id": "down", "fault": "kill", "target": "broker"}
    rows = [("requested", 105), ("effective", 106.5), ("heal-requested", 110), ("healed", 111)]
    seen = []
    for step, at_s in rows:
        with journal.open("a") as file:
            file.write(json.dumps({"t_ns": int(at_s * S), "step": step, **fault}) + "\n")
        (band,) = bands.read(100 * S)
        seen.append((band["step"], band["from"], band["to"]))
    assert seen == [
        ("requested", 5, None),
        ("effective", 6.5, None),
        ("heal-requested", 6.5, None),
        ("healed", 6.5, 11),
    ]
    assert (band["id"], band["what"]) == ("down", "kill broker")


def test_what_is_no_fault_is_no_band(tmp_path):
    """The states of a cutover stand in the same journal."""
    journal = tmp_path / "chaos.jsonl"
    journal.write_text(json.dumps({"t_ns": 1, "kind": "cutover", "state": "drain"}) + "\n")
    assert Bands(journal).read(0) == []
