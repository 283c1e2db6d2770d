"""What the load is told, and what it tells."""

import json

from gauntlet.kernel.rundir import Journal, RunDir
from gauntlet.kernel.scenario import Scenario, from_builtins
from gauntlet.load import Phases, write_load_file


def test_the_load_file_holds_the_whole_scenario(tmp_path):
    """The load needs no other file, and sees exactly the scenario that the manifest names."""
    run = RunDir.create(tmp_path, "x", 1)
    scenario = Scenario(version=1, name="x", about="y", seed=9)
    told = json.loads(write_load_file(run, scenario, ["http://127.0.0.1:1"]).read_text())
    assert from_builtins(told["scenario"]) == scenario
    assert (told["api"], told["run_dir"]) == (["http://127.0.0.1:1"], str(run.path))


def test_each_phase_is_told_once(tmp_path):
    """A phase is news when its row appears, and never again."""
    run = RunDir.create(tmp_path, "x", 1)
    phases, journal = Phases(run), Journal(run, "load-0")
    assert phases.poll() == []
    journal.write("phase", t_ns=5, phase="ramp")
    journal.write("reconciliation", worker=0)
    assert phases.poll() == ["ramp"]
    assert phases.poll() == []
    assert phases.seen == {"ramp": 5}
    assert phases.reconciled
    journal.close()
