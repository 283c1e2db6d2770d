"""Every live subject is a valid scenario, and its fingerprint follows what is run."""

import pytest
import yaml

from gauntlet.campaigns.scorecard import live
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.loader import parse

SUBJECTS = [*live.bugs(None), *live.clean()]
FILE = "SERVICES = ('edge',)\nANOMALIES = ('late',)\nSENTENCE = 'it is late'\nOPTIONS = {options}\n"


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.key)
def test_every_subject_is_a_valid_short_scenario(subject):
    scenario = parse(yaml.safe_dump(subject.scenario), subject.name)
    assert 8 <= scenario.load.steady <= 12
    assert scenario.target.stack == "embedded"


def test_names_are_unique():
    assert len({subject.key for subject in SUBJECTS}) == len(SUBJECTS)


def test_a_target_of_three_hundred_clean_runs():
    assert sum(subject.seeds for subject in live.clean()) >= 300


def bug(folder, options):
    """Return the subject of a bug's file with these options."""
    (folder / "slow.py").write_text(FILE.format(options=options))
    return live.bugs(folder)[-1]


def test_a_bug_without_a_scenario_runs_in_the_usual_one_with_its_options(tmp_path):
    found = bug(tmp_path, {"stack": "full", "users": 8})
    assert len(found.scenario["faults"]) == 2
    assert found.options == (
        *("--stack", "full", "--users", "8"),
        *("--bug", str(tmp_path / "slow.py")),
    )


def test_a_bug_may_name_a_scenario_of_its_folder_in_which_every_check_is_required(tmp_path):
    (tmp_path / "scenarios").mkdir()
    file = tmp_path / "scenarios" / "cut.yaml"
    file.write_text("version: 1\nname: cut\nabout: It cuts.\nload: {users: 9}\n")
    found = bug(tmp_path, {"scenario": "cut"})
    scenario = parse(yaml.safe_dump(found.scenario), "cut")
    assert (scenario.name, scenario.load.users) == ("bug-slow", 9)
    assert set(scenario.checks.required) == set(catalog.CHECKS)
    assert found.options == ("--bug", str(tmp_path / "slow.py"))
    file.write_text(file.read_text().replace("9", "10"))
    assert bug(tmp_path, {"scenario": "cut"}).fingerprint != found.fingerprint


def test_an_objective_on_the_latency_of_deliveries_is_a_right_name_for_a_late_one(tmp_path):
    (tmp_path / "scenarios").mkdir()
    sla = "[{id: p99, indicator: delivery_p99_ms}, {id: errors, indicator: send_errors_ratio}]"
    (tmp_path / "scenarios" / "cut.yaml").write_text(f"version: 1\nname: cut\nsla: {sla}\n")
    assert bug(tmp_path, {"scenario": "cut"}).expected == ("late", "p99")


def test_a_bug_whose_scenario_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"the scenario of a bug .* cannot be read"):
        bug(tmp_path, {"scenario": "cut"})


def test_the_fingerprint_changes_with_the_options_and_not_with_the_folder(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert bug(tmp_path, {}).fingerprint == bug(other, {}).fingerprint
    assert bug(tmp_path, {}).fingerprint != bug(tmp_path, {"users": 8}).fingerprint


def test_keys_replace_those_of_the_load_the_target_and_the_scenario():
    changes = {"stack": "full", "users": 8, "load": {"rate": "9/s"}, "faults": []}
    found = live.scenario("a_b", "About.", changes)
    assert found["target"]["stack"] == "full"
    assert (found["load"]["users"], found["load"]["rate"], found["faults"]) == (8, "9/s", [])
    assert found["name"] == "a-b"
    assert live.clean()[0].scenario["target"]["stack"] == "embedded"
