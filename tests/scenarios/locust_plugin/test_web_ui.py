"""Start and Stop in Locust's web UI, also at inconvenient moments."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios import locust_plugin
from gauntlet.stacks.free_port import free_port

pytestmark = pytest.mark.integration
ENTRY = Path(locust_plugin.__file__).with_name("entry.py")
TIMEOUT_S = 40.0
SCENARIO = {
    "version": 1, "name": "short", "about": "Three seconds.",
    "load": {"users": 6, "rate": "50/s", "ramp": "1s", "steady": "2s"},
}  # fmt: skip


class Web:
    """A Locust with its web UI, and the runs in its folder."""

    def __init__(self, folder, host, *arguments):
        self.runs = folder / "runs"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.form = {"user_count": "6", "spawn_rate": "6", "host": host}
        (folder / "short.yaml").write_text(json.dumps(SCENARIO))
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-P", "-m", "locust", "-f", str(ENTRY)]
        command += ["--scenario", "short.yaml", *arguments]
        command += ["--web-host", "127.0.0.1", "--web-port", port]
        with (folder / "locust.log").open("ab") as log:
            self.child = subprocess.Popen(
                command,
                cwd=folder,
                env={key: value for key, value in os.environ.items() if key != "GAUNTLET_LOAD"},
                stdout=log,
                stderr=log,
            )

    def start(self, **form):
        """Press Start."""
        body = urllib.parse.urlencode({**self.form, **form}).encode()
        with urllib.request.urlopen(f"{self.url}/swarm", body, timeout=TIMEOUT_S) as answer:
            assert json.load(answer)["success"]

    def stop(self):
        """Press Stop; the response arrives when the load has ended."""
        request = urllib.request.Request(f"{self.url}/stop", method="POST")
        urllib.request.urlopen(request, timeout=TIMEOUT_S).close()

    def wait_until(self, condition):
        """Wait for a condition while Locust runs."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline
            assert self.child.poll() is None
            time.sleep(0.02)

    def judged(self):
        """The runs that have been judged, oldest first."""
        files = sorted(self.runs.glob("*/result.json"), key=lambda file: file.stat().st_mtime_ns)
        return [RunDir.open(file.parent) for file in files]

    def rows(self, kind):
        """The rows of one kind in the journals of all loads."""
        files = self.runs.glob("*/events/load-0.jsonl")
        rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return sorted((row for row in rows if row["kind"] == kind), key=lambda row: row["t_ns"])

    def phases(self):
        """The phases of all loads, in order."""
        return [row["phase"] for row in self.rows("phase")]

    def has_stopped(self, runs):
        """Whether `runs` runs have been judged, and the page offers another one."""
        with urllib.request.urlopen(f"{self.url}/stats/requests", timeout=TIMEOUT_S) as answer:
            return json.load(answer)["state"] == "stopped" and len(self.judged()) == runs

    def responds(self):
        """Whether the web UI responds."""
        with suppress(OSError):
            urllib.request.urlopen(self.url, timeout=TIMEOUT_S).close()
            return True
        return False


@contextmanager
def running_locust(folder, host, *arguments):
    """A Locust whose web UI responds; it is stopped afterwards."""
    started = Web(folder, host, *arguments)
    try:
        started.wait_until(started.responds)
        yield started
    finally:
        started.child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            started.child.wait(30)
        started.child.kill()
        started.child.wait()


@pytest.fixture
def web(tmp_path, distant_peer):
    """A Locust that waits for Start."""
    with running_locust(tmp_path, distant_peer.url) as started:
        yield started


def test_stop_while_the_load_drains_waits_for_the_same_verdict(web):
    """The load ends in order and is judged once."""
    web.start()
    web.wait_until(lambda: "quiesce" in web.phases())
    web.stop()
    (run,) = web.judged()
    (row,) = web.rows("reconciliation")
    assert row["acked"] == row["ops"] > 0
    assert run.read_result()["verdict"]["exit_code"] == 0


def immediately(_web):
    """The request to start has just been answered."""
    return True


def run_process_exists(web):
    """The child process has started, and examines the server."""
    return psutil.Process(web.child.pid).children()


def run_directory_exists(web):
    """The child process has created its run directory: the load is about to begin."""
    return list(web.runs.glob("*"))


@pytest.mark.parametrize("moment", [immediately, run_process_exists, run_directory_exists])
def test_stop_during_the_boot_leaves_no_load_behind(web, moment):
    """The next load runs alone, lasts as long as it should, and is judged."""
    web.start()
    web.wait_until(lambda: moment(web))
    web.stop()
    before, judged = len(web.phases()), len(web.judged())
    # On a fast machine the load may have begun by now; then it has ended in order.
    assert web.phases()[-1:] in ([], ["flushed"])
    web.start()
    web.wait_until(lambda: web.has_stopped(judged + 1))
    assert web.phases()[before:] == ["ramp", "steady", "quiesce", "audit", "flushed"]
    ramp, _, quiesce, *_ = web.rows("phase")[before:]
    assert quiesce["t_ns"] - ramp["t_ns"] >= 3e9


def load_duration_s(run):
    """The duration of a run's load, as its manifest states it."""
    load = run.read_manifest()["scenario"]["load"]
    return load["ramp"] + load["steady"]


def test_a_run_time_shorter_than_the_boot_applies_from_the_start_of_the_load(web):
    """The load lasts that long and is judged; the next one, without a run time, is complete."""
    web.start(run_time="1s")
    web.wait_until(lambda: web.has_stopped(1))
    web.start(run_time="")
    web.wait_until(lambda: web.has_stopped(2))
    assert [load_duration_s(run) for run in web.judged()] == [pytest.approx(1), pytest.approx(3)]


def test_autostart_with_a_run_time_shorter_than_the_boot_runs_the_load(tmp_path, distant_peer):
    """Locust's timer expires during the boot; the load runs nevertheless and is judged."""
    load = ("--autostart", "-u", "6", "-r", "6", "--host", distant_peer.url, "--run-time", "1s")
    with running_locust(tmp_path, distant_peer.url, *load) as web:
        web.wait_until(lambda: web.has_stopped(1))
        (run,) = web.judged()
    assert load_duration_s(run) == pytest.approx(1)
    assert run.read_result()["verdict"]["exit_code"] == 0
