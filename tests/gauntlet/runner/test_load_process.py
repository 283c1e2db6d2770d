"""The load file and the phases of the load process."""

import json

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.core.scenario.model import Load, RecordedProfile, Scenario, from_builtins
from gauntlet.core.scenario.traces.arrival_trace import Trace
from gauntlet.runner.load_process import ManagedLocust, PhaseTracker, trusting, write_load_file
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


def test_a_phase_begins_when_the_first_worker_enters_it(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    phases = PhaseTracker(run)
    master, one, two = (Journal(run, f"load-{name}") for name in ("master", 0, 1))
    master.write("clock", worker=1, host="h", offset_ns=5, error_ns=1, message="ahead")
    master.write("clock", worker=0, host="m", offset_ns=0, error_ns=0, message="no news")
    master.write("phase", t_ns=7, phase="ramp")
    for journal in (one, two):
        journal.write("phase", t_ns=7, phase="ramp")
    two.write("phase", t_ns=9, phase="steady")
    assert sorted(phases.poll()) == ["ramp", "steady"]
    one.write("phase", t_ns=10, phase="steady")
    master.write("worker", worker=0, step="joined", message="no news")
    master.write("worker", worker=0, step="lost", message="Worker 0 was lost")
    assert phases.poll() == []
    assert phases.seen == {"ramp": 7, "steady": 9}
    assert phases.take_messages() == ["ahead", "Worker 0 was lost"]
    assert phases.clocks[1]["offset_ns"] == 5
    for journal in (master, one, two):
        journal.close()


def test_the_load_file_contains_the_trace(tmp_path):
    """A worker on another host does not have the file, and the run directory has to record it."""
    (tmp_path / "t.csv").write_text("offset_s\n0.5\n2\n")
    run = RunDir.create(tmp_path, "x", 1)
    profile = RecordedProfile(file=str(tmp_path / "t.csv"))
    scenario = Scenario(version=1, name="x", about="y", load=Load(profile=profile))
    file = write_load_file(run, scenario, ["http://127.0.0.1:1"])
    (tmp_path / "t.csv").unlink()
    assert load_file.read(file).trace == Trace("offset_s", (0.5, 2.0))


def test_each_phase_is_reported_once(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    phases, journal = PhaseTracker(run), Journal(run, "load-0")
    assert phases.poll() == []
    journal.write("phase", t_ns=5, phase="ramp")
    journal.write("reconciliation", worker=0)
    assert phases.poll() == ["ramp"]
    assert phases.poll() == []
    assert phases.seen == {"ramp": 5}
    assert phases.reconciled
    journal.close()


def test_the_slowest_audit_tells_how_long_the_audits_still_take(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    phases, one, two = PhaseTracker(run), Journal(run, "load-0"), Journal(run, "load-1")
    assert phases.audit_left_s() is None
    one.write("phase", t_ns=10 * NS_PER_S, phase="audit")
    one.write("audit", t_ns=12 * NS_PER_S, pages=5, conversations=0, of=8)
    phases.poll()
    assert phases.audit_left_s() is None  # its pace is not known
    one.write("audit", t_ns=14 * NS_PER_S, pages=9, conversations=2, of=8)
    two.write("audit", t_ns=14 * NS_PER_S, pages=9, conversations=6, of=8)
    two.write("audit", t_ns=14 * NS_PER_S, pages=9)  # of an earlier version
    phases.poll()
    assert phases.audit_left_s() == 12
    one.write("audit", t_ns=18 * NS_PER_S, pages=20, conversations=8, of=8)
    phases.poll()
    assert phases.audit_left_s() == 0
    for journal in (one, two):
        journal.close()
