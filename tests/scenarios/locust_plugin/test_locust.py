"""Locust, run as a user runs it, with the fake peer as its server."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.core.scenario.model import from_builtins, to_builtins
from gauntlet.scenarios import locust_plugin
from gauntlet.scenarios.metrics.histogram import Histogram
from gauntlet.scenarios.metrics.latency import NAMES
from gauntlet.stacks.free_port import free_port

pytestmark = pytest.mark.integration
ENTRY = Path(locust_plugin.__file__).with_name("entry.py")
CLASSES = Path(__file__).with_name("classes_locustfile.py")
GREENLETS = Path(__file__).with_name("greenlets_locustfile.py")
LOCUST = (sys.executable, "-P", "-m", "locust", "--headless", "--only-summary")


@pytest.fixture
def run(tmp_path, distant_peer):
    """A run directory with a load of three seconds, on a peer that drops and repeats pushes."""
    distant_peer.faults.drop_push, distant_peer.faults.repeat_push = 17, 13
    scenario = {
        "version": 1, "name": "x", "about": "x",
        "target": {"server": {"heads_poll_ms": 200}},
        "load": {"users": 6, "rate": "50/s", "ramp": "1s", "steady": "2s"},
    }  # fmt: skip
    created = RunDir.create(tmp_path, "x", 1)
    load = {
        "scenario": to_builtins(from_builtins(scenario)),
        "run_dir": str(created.path),
        "api": [distant_peer.url],
        "workers": 1,
    }
    (created.path / "load.json").write_text(json.dumps(load))
    return created


def locust(run, *arguments, file=ENTRY, **env):
    """Start Locust headless on a run's load."""
    return subprocess.Popen(
        [*LOCUST, "-f", str(file), "-u", "6", "-r", "6", *arguments],
        cwd=run.path,
        env={**os.environ, "GAUNTLET_LOAD": str(run.path / "load.json"), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def reconciliations(run):
    """The reconciliation rows of all workers."""
    rows = [row for file in sorted(run.events.glob("*.jsonl")) for row in read_jsonl(file)]
    return [row for row in rows if row["kind"] == "reconciliation"]


def test_only_a_user_with_actions_of_its_own_has_a_greenlet_that_runs(run):
    """Its stack would be a third of the memory of an idle user; Locust counts and stops both."""
    child = locust(run, "--run-time", "3s", file=GREENLETS)
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0, output
    assert "GREENLETS ['Acting'] {'Waiting': 3, 'Acting': 3}" in output
    (line,) = reconciliations(run)
    assert line["ops"] == line["acked"] == 100


def test_a_headless_run_reconciles_and_exits_0(run):
    """The records and Locust's own table contain every send and delivery."""
    child = locust(run, "--run-time", "3s")
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0, output
    (line,) = reconciliations(run)
    assert line["ops"] == line["acked"] == 100
    assert (line["missing"], line["unread"]) == (0, 0)
    size = sum(file.stat().st_size for file in run.history.iterdir())
    assert size == 40 * sum(line["records"].values())
    row = next(text for text in output.splitlines() if text.startswith("SEND"))
    assert row.split()[2] == "100"
    row = next(text for text in output.splitlines() if text.startswith("RECV"))
    assert row.split()[2] == str(line["presented"])


def test_plain_locust_with_a_host_exits_with_the_verdict(tmp_path, distant_peer):
    """Without GAUNTLET_LOAD, a child process creates the run directory and judges the run."""
    users = ("-u", "10", "-r", "10", "--run-time", "4s", "--im-rate", "50/s")
    child = subprocess.run(
        [*LOCUST, "-f", str(ENTRY), *users, "--host", distant_peer.url],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "GAUNTLET_LOAD"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    (run,) = (tmp_path / "runs").iterdir()
    (line,) = reconciliations(RunDir.open(run))
    assert line["ops"] == line["acked"] == 150
    assert (run / "result.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_what_was_recorded(run, number):
    """Locust exits with 2, and the run is not marked as complete."""
    child = locust(run, "--run-time", "30s")
    for _ in range(400):
        if run.live.exists() and len(list(read_jsonl(run.live))) >= 2:
            break
        threading.Event().wait(0.05)
    child.send_signal(number)
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 2, output
    assert reconciliations(run) == []
    assert sum(file.stat().st_size for file in run.history.iterdir()) > 0


def test_two_workers_lose_nothing(run):
    """Each worker reconciles its part, and together they sent what one worker would have."""
    child = locust(run, "--run-time", "3s", "--processes", "2", *master_address())
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0, output
    rows = reconciliations(run)
    assert [row["worker"] for row in rows] == [0, 1]
    ops = sum(row["ops"] for row in rows)
    # On a busy machine a worker's users may not be connected yet when its first arrivals come.
    assert ops + sum(row["missed"] for row in rows) == 100
    assert sum(row["acked"] for row in rows) == ops > 0
    assert sum(row["missing"] for row in rows) == 0
    sends = next(text for text in output.splitlines() if text.startswith("SEND"))
    assert sends.split()[2] == str(ops)
    for name in NAMES:
        merged = Histogram()
        for worker in (0, 1):
            merged.add(Histogram.decode((run.latency / f"{name}-w{worker}.hdr").read_bytes()))
        assert (run.latency / f"{name}.hdr").read_bytes() == merged.encode()


def table(file):
    """The rows of a CSV file by the name in their second column, or their first."""
    rows = list(csv.DictReader(file.read_text().splitlines()))
    return {row.get("Name") or row["latency"]: row for row in rows}


def test_weights_fixed_counts_and_exports_work_as_in_any_locustfile(run):
    """CSV, HTML and JSON contain exactly what was sent."""
    exports = ("--csv", "out/load", "--html", "out/load.html", "--json-file", "out/load")
    child = locust(run, "--run-time", "3s", *exports, file=CLASSES)
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0, output
    assert '{"Operator": 2, "Quiet": 1, "Talker": 3}' in output
    out = run.path / "out"
    assert table(out / "load_stats.csv")["message"]["Request Count"] == "100"
    exact = table(out / "load_im_latency.csv")["response"]
    assert exact["samples"] == "100"
    assert 0 < float(exact["p50_ms"]) <= float(exact["p99_ms"])
    assert len((out / "load_im_seconds.csv").read_text().splitlines()) > 3
    entries = {entry["name"]: entry for entry in json.loads((out / "load.json").read_text())}
    assert sum(entries["message"]["response_times"].values()) == 100
    assert any(not float(key).is_integer() for key in entries["message"]["response_times"])
    assert '"name": "delivery"' in (out / "load.html").read_text()


@pytest.mark.full
def test_a_load_shape_and_tags_choose_the_users(run):
    """The shape spawns users on two workers, and its end is the end of the load."""
    options = ("--processes", "2", "--tags", "talk", *master_address())
    child = locust(run, *options, file=CLASSES, SHAPE="1")
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0, output
    assert "Shape test updating to 2 users" in output
    assert "Shape test updating to 6 users" in output
    assert sum(line["ops"] + line["missed"] for line in reconciliations(run)) == 100
    assert sum(line["missing"] for line in reconciliations(run)) == 0


def master_address():
    """Options with a free port for a master and its workers."""
    port = str(free_port())
    return ("--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port)


def test_a_forbidden_target_exits_with_4(run):
    file = run.path / "load.json"
    load = json.loads(file.read_text())
    file.write_text(json.dumps({**load, "api": ["http://10.0.0.1:80"]}))
    child = locust(run, "--run-time", "3s")
    output = child.communicate(timeout=30)[0]
    assert child.returncode == 4, output
    assert "allow_hosts" in output


def test_workers_quit_when_their_master_cannot_start(tmp_path):
    """Otherwise each of them would try to reconnect for a minute."""
    options = (
        "-u",
        "6",
        "-r",
        "6",
        "--processes",
        "2",
        "--im-stack",
        "nonsense",
        *master_address(),
    )
    child = subprocess.run(
        [*LOCUST, "-f", str(ENTRY), *options],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "GAUNTLET_LOAD"},
        stdout=subprocess.PIPE,  # shared by the workers, so that this waits for their end as well
        stderr=subprocess.STDOUT,
        text=True,
        timeout=45,
        check=False,
    )
    assert child.returncode == 4, child.stdout
    assert "--im-stack must be one of: embedded, full, " in child.stdout
    assert "gauntlet conduct" not in child.stdout
