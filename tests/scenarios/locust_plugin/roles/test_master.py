"""A Locust master and its workers, as processes that share nothing but the network."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir, read_jsonl, write_json
from gauntlet.core.scenario.model import from_builtins
from gauntlet.reports.verdict.judge import judge
from gauntlet.runner import manifest
from gauntlet.runner.load_process import write_load_file
from gauntlet.scenarios import locust_plugin
from gauntlet.stacks.free_port import free_port

pytestmark = pytest.mark.integration
ENTRY = Path(locust_plugin.__file__).with_name("entry.py")
SCENARIO = {
    "version": 1, "name": "x", "about": "x",
    "target": {"stack": "external", "server": {"heads_poll_ms": 200}},
    "load": {"users": 9, "rate": "90/s", "ramp": "1s", "steady": "2s"},
}  # fmt: skip


class Hosts:
    """A master and workers, each in its own folder, as if they were on different hosts."""

    def __init__(self, folder, url, scenario):
        self.folder, self.port = folder, free_port()
        self.children = {}
        target = {**scenario["target"], "url": [url]}
        self.scenario = from_builtins({**scenario, "target": target})
        self.run = RunDir.create(folder, "x", 1)
        write_json(self.run.manifest, manifest.build(self.scenario, [], bug=None))
        write_load_file(self.run, self.scenario, [url])

    def start(self, name, *arguments, env=None):
        """Start a Locust process; `name` is also the name of its folder."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        with (home / "log").open("wb") as log:
            self.children[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", "locust", "-f", str(ENTRY), *arguments],
                cwd=home,
                env={**os.environ, **(env or {})},
                stdout=log,
                stderr=log,
            )
        return self.children[name]

    def master(self, workers, *arguments):
        """Start the master, which waits for `workers` workers."""
        address = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port")
        load = ("--headless", "--only-summary", "-u", "9", "-r", "9", "--run-time", "3s")
        load = (*load, "--expect-workers", str(workers), *arguments)
        env = {"GAUNTLET_LOAD": str(self.run.path / "load.json")}
        return self.start("master", *address, str(self.port), *load, env=env)

    def worker(self, name, *arguments):
        """Start a worker."""
        return self.start(name, "--worker", "--master-port", str(self.port), *arguments)

    def log(self, name):
        """The output of a process."""
        return (self.folder / name / "log").read_text()

    def rows(self, kind):
        """The rows of one kind in the master's journal."""
        rows = read_jsonl(self.run.events / "load-master.jsonl")
        return [row for row in rows if row["kind"] == kind]

    def wait_until(self, condition, failure):
        """Wait for a condition; fail with a sentence if it does not hold in time."""
        deadline_s = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline_s, f"{failure}\n{self.log('master')}"
            threading.Event().wait(0.05)


@pytest.fixture
def hosts(tmp_path, distant_peer):
    """Hosts without processes; the processes that a test starts end with it."""
    started = Hosts(tmp_path, distant_peer.url, SCENARIO)
    yield started
    for child in started.children.values():
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()


def test_workers_without_a_shared_folder_send_their_files_to_the_master(hosts):
    """The master's run directory is complete and judged; other workers are refused with a reason.

    The first refused worker quits before any other has connected, which does not end the run.
    """
    master = hosts.master(3)
    mismatched = hosts.worker("mismatched", "--scenario", "tour")
    assert mismatched.wait(30) == Exit.CONFIG
    for name in ("a", "b", "c"):
        hosts.worker(name, "--im-folder", str(hosts.folder / name))
    hosts.wait_until(lambda: hosts.rows("phase"), "the load did not begin")
    late = hosts.worker("late")
    assert master.wait(40) == Exit.OK, hosts.log("master")
    assert late.wait(30) == Exit.CONFIG

    for name, reason in (
        ("mismatched", "it has the scenario tour, the master x"),
        ("late", "it came after the start"),
    ):
        sentence = f"pid {hosts.children[name].pid}) is refused: {reason}."
        assert sentence in hosts.log(name)
        assert sentence in hosts.log("master")
    result = judge(hosts.run)
    assert result["verdict"]["exit_code"] == Exit.OK, result["verdict"]["reasons"]
    counts = result["counts"]
    assert counts["ops"] == counts["acked"]
    assert counts["ops"] + counts["missed"] == 180
    assert {row["worker"] for row in read_jsonl(hosts.run.live)} == {0, 1, 2}
    zeros = {
        row["t_ns"]
        for row in hosts.run.read_events()
        if row["kind"] == "phase" and row["phase"] == "ramp"
    }
    assert len(zeros) == 1
    assert len(list(hosts.run.latency.glob("response-w*.hdr"))) == 3
    assert not list(hosts.run.path.glob("incoming*"))


def test_a_run_with_a_killed_worker_is_judged_and_exits_with_3(hosts):
    """The lost worker is reported, and no check is valid without its part."""
    master = hosts.master(3)
    for name in ("a", "b", "c"):
        hosts.worker(name)
    hosts.wait_until(lambda: list(read_jsonl(hosts.run.live)), "the load did not begin")
    joined = {row["pid"]: row["worker"] for row in hosts.rows("worker")}
    victim = hosts.children["b"]
    victim.send_signal(signal.SIGKILL)
    assert master.wait(40) == Exit.HARNESS, hosts.log("master")

    (lost,) = [row for row in hosts.rows("worker") if row["step"] == "lost"]
    assert (lost["worker"], lost["pid"]) == (joined[victim.pid], victim.pid)
    assert f"pid {victim.pid}) was lost at " in hosts.log("master")
    result = judge(hosts.run)
    assert result["verdict"]["exit_code"] == Exit.HARNESS
    assert any(f"pid {victim.pid}) was lost at" in text for text in result["verdict"]["reasons"])
    counts = result["counts"]
    assert counts["ops"] + counts["missed"] == 120
    assert {check["verdict"] for check in result["checks"]} == {"unknown", "not-applicable"}
    (lost_acked,) = [check for check in result["checks"] if check["id"] == "lost-acked"]
    assert lost_acked["examined"] == counts["acked"]
