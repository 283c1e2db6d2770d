"""Locust as a user runs it, with the fake peer as its server."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gauntlet.kernel.rundir import RunDir, read_jsonl
from gauntlet.kernel.scenario import from_builtins, to_builtins
from scenarios.histogram import Histogram
from scenarios.latency import NAMES
from scenarios.locust_bridge import __file__ as bridge

pytestmark = pytest.mark.integration
ENTRY = Path(bridge).with_name("entry.py")
LOCUST = (
    *(sys.executable, "-P", "-m", "locust", "-f", str(ENTRY)),
    *("--headless", "--only-summary"),
)


@pytest.fixture
def run(tmp_path, distant_peer):
    """A run directory with a load of three seconds, on a peer that drops and repeats pushes."""
    distant_peer.faults.drop_push, distant_peer.faults.repeat_push = 17, 13
    scenario = {
        "version": 1, "name": "x", "about": "x",
        "target": {"server": {"heads_poll_ms": 200}},
        "load": {"users": 6, "rate": "50/s", "ramp": "1s", "steady": "2s"},
    }  # fmt: skip
    made = RunDir.create(tmp_path, "x", 1)
    load = {
        "scenario": to_builtins(from_builtins(scenario)),
        "run_dir": str(made.path),
        "api": [distant_peer.url],
        "workers": 1,
    }
    (made.path / "load.json").write_text(json.dumps(load))
    return made


def locust(run, *arguments):
    """Start Locust headless on a run's load."""
    return subprocess.Popen(
        [*LOCUST, "-u", "6", "-r", "6", *arguments],
        cwd=run.path,
        env={**os.environ, "GAUNTLET_LOAD": str(run.path / "load.json")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lines(run):
    """The reconciliation lines of all workers."""
    rows = [row for file in sorted(run.events.glob("*.jsonl")) for row in read_jsonl(file)]
    return [row for row in rows if row["kind"] == "reconciliation"]


def test_a_headless_run_reconciles_and_exits_0(run):
    """Records, one line that adds up, and Locust's own table with every send and delivery."""
    child = locust(run, "--run-time", "3s")
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0, output
    (line,) = lines(run)
    assert line["ops"] == line["acked"] == 100
    assert (line["missing"], line["unread"]) == (0, 0)
    size = sum(file.stat().st_size for file in run.history.iterdir())
    assert size == 40 * sum(line["records"].values())
    row = next(text for text in output.splitlines() if text.startswith("SEND"))
    assert row.split()[2] == "100"
    row = next(text for text in output.splitlines() if text.startswith("RECV"))
    assert row.split()[2] == str(line["presented"])


def test_a_plain_locust_attaches_to_a_host_and_ends_with_the_verdict(tmp_path, distant_peer):
    """Without GAUNTLET_LOAD a conductor is started; its run directory and exit code are ours."""
    users = ("-u", "10", "-r", "10", "--run-time", "4s", "--im-rate", "50/s")
    child = subprocess.run(
        [*LOCUST, *users, "--host", distant_peer.url],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "GAUNTLET_LOAD"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    (run,) = (tmp_path / "runs").iterdir()
    (line,) = lines(RunDir.open(run))
    assert line["ops"] == line["acked"] == 150
    assert (run / "result.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_what_there_is(run, number):
    """Locust ends within seconds with 2, files are whole, and nothing claims to be."""
    child = locust(run, "--run-time", "30s")
    for _ in range(400):
        if run.live.exists() and len(list(read_jsonl(run.live))) >= 2:
            break
        threading.Event().wait(0.05)
    child.send_signal(number)
    output = child.communicate(timeout=15)[0]
    assert child.returncode == 2, output
    assert lines(run) == []
    assert sum(file.stat().st_size for file in run.history.iterdir()) > 0


def test_two_workers_lose_nothing(run):
    """Each worker has its own line, and together they sent what one would have."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    where = ("--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port)
    child = locust(run, "--run-time", "3s", "--processes", "2", *where)
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0, output
    both = lines(run)
    assert [line["worker"] for line in both] == [0, 1]
    assert sum(line["ops"] for line in both) == sum(line["acked"] for line in both) == 100
    assert sum(line["missing"] for line in both) == 0
    row = next(text for text in output.splitlines() if text.startswith("SEND"))
    assert row.split()[2] == "100"
    for name in NAMES:
        merged = Histogram()
        for worker in (0, 1):
            merged.add(Histogram.decode((run.latency / f"{name}-w{worker}.hdr").read_bytes()))
        assert (run.latency / f"{name}.hdr").read_bytes() == merged.encode()


def test_a_forbidden_target_ends_with_4(run):
    """The exit code of a bad configuration reaches the shell."""
    file = run.path / "load.json"
    load = json.loads(file.read_text())
    file.write_text(json.dumps({**load, "api": ["http://10.0.0.1:80"]}))
    child = locust(run, "--run-time", "3s")
    output = child.communicate(timeout=30)[0]
    assert child.returncode == 4, output
    assert "allow_hosts" in output
