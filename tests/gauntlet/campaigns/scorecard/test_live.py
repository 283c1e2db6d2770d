"""Every live subject is a valid scenario, and its fingerprint follows what is run."""

import pytest
import yaml

from gauntlet.campaigns.scorecard import live
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


def test_options_of_a_bug_replace_keys_of_the_load_the_target_and_the_scenario(tmp_path):
    options = {"stack": "full", "users": 8, "load": {"rate": "9/s"}, "faults": []}
    found = bug(tmp_path, options)
    assert found.scenario["target"]["stack"] == "full"
    assert (found.scenario["load"]["users"], found.scenario["load"]["rate"]) == (8, "9/s")
    assert found.scenario["faults"] == []
    assert found.options == ("--bug", str(tmp_path / "slow.py"))


def test_the_fingerprint_changes_with_the_options(tmp_path):
    assert bug(tmp_path, {}).fingerprint != bug(tmp_path, {"users": 8}).fingerprint


def test_subjects_do_not_share_their_scenarios(tmp_path):
    bug(tmp_path, {"server": {"ping_ms": 1}})
    assert live.clean()[0].scenario["target"]["server"]["ping_ms"] == 2000
