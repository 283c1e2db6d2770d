"""The load file and the phases of the load process."""

import json

from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import Load, RecordedProfile, Scenario, from_builtins
from gauntlet.core.scenario.traces.arrival_trace import Trace
from gauntlet.runner.load_process import ManagedLocust, trusting, write_load_file
from gauntlet.scenarios.engine import load_file


def test_the_load_file_contains_the_whole_scenario(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    scenario = Scenario(version=1, name="x", about="y", seed=9)
    content = json.loads(write_load_file(run, scenario, ["http://127.0.0.1:1"]).read_text())
    assert from_builtins(content["scenario"]) == scenario
    assert (content["api"], content["run_dir"]) == (["http://127.0.0.1:1"], str(run.path))


def test_every_run_on_an_external_system_has_its_own_tag(tmp_path):
    """An external system keeps the messages of earlier runs, whose ids must not be used again."""
    plain = {"version": 1, "name": "x", "about": "y"}
    url = ["http://127.0.0.1:1"]

    def tag(target):
        run = RunDir.create(tmp_path, "x", 1)
        return load_file.read(write_load_file(run, from_builtins(plain | target), url)).tag

    living = {"target": {"stack": "external", "url": url}}
    assert tag({}) == ""
    assert tag(living) not in ("", tag(living))


def test_the_load_trusts_the_ca_of_the_booted_system_unless_the_scenario_names_one():
    plain = {"version": 1, "name": "x", "about": "y"}
    scenario = from_builtins(plain)
    trusting_it = trusting(scenario, "/data/ca.pem")
    assert trusting_it.target.tls.ca == "/data/ca.pem"
    assert trusting(scenario, "") is scenario
    own = from_builtins({**plain, "target": {"tls": {"ca": "own.pem", "insecure": False}}})
    assert trusting(own, "/data/ca.pem") is own


def test_workers_use_a_free_port_on_loopback():
    scenario = Scenario(version=1, name="x", about="y", seed=9)
    alone, several = ManagedLocust(scenario), ManagedLocust(scenario, 3)
    assert "--processes" not in alone._command()
    command = several._command()
    port = command[command.index("--master-port") + 1]
    assert command[command.index("--processes") + 1] == "3"
    assert command[command.index("--master-bind-port") + 1] == port
    assert command[command.index("--master-bind-host") + 1] == "127.0.0.1"


def test_the_load_file_contains_the_trace(tmp_path):
    """A worker on another host does not have the file, and the run directory has to record it."""
    (tmp_path / "t.csv").write_text("offset_s\n0.5\n2\n")
    run = RunDir.create(tmp_path, "x", 1)
    profile = RecordedProfile(file=str(tmp_path / "t.csv"))
    scenario = Scenario(version=1, name="x", about="y", load=Load(profile=profile))
    file = write_load_file(run, scenario, ["http://127.0.0.1:1"])
    (tmp_path / "t.csv").unlink()
    assert load_file.read(file).trace == Trace("offset_s", (0.5, 2.0))
