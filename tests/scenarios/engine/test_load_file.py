"""`load.json`."""

import json

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import from_builtins, to_builtins
from gauntlet.scenarios.engine import load_file


def test_a_load_is_read_as_it_was_written(tmp_path):
    """Scenario, run directory, gateways."""
    scenario = from_builtins({"version": 1, "name": "x", "about": "x", "load": {"rate": "9/s"}})
    file = tmp_path / "load.json"
    content = {"scenario": to_builtins(scenario), "run_dir": str(tmp_path), "api": ["http://h:1"]}
    file.write_text(json.dumps({**content, "workers": 2}))
    load = load_file.read(file)
    assert (load.scenario, load.api, load.workers) == (scenario, ["http://h:1"], 2)
    assert (load.run.path, load.trace) == (tmp_path, None)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scenario": {"version": 9}}'])
def test_anything_else_is_a_bad_configuration(tmp_path, text):
    """The error names the file."""
    file = tmp_path / "load.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"load\.json"):
        load_file.read(file)
    with pytest.raises(ConfigError):
        load_file.read(tmp_path / "absent.json")
