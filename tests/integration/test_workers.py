"""`gauntlet run --workers`: a Locust master and workers on the reference server."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir, read_jsonl

pytestmark = [pytest.mark.integration, pytest.mark.full]


def gauntlet(folder, *arguments):
    """Start a run on three workers."""
    size = ("--workers", "3", "--users", "18", "--rate", "60/s", "--ramp", "2s", "--plain")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "gauntlet", "run", *arguments, *size],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(search, within_s=60):
    """Repeat a search until it finds something, and return that."""
    deadline_s = time.monotonic() + within_s
    while not (found := search()):
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.1)
    return found


def worker_of(folder, number):
    """The process id of a worker, or None before the load has begun."""
    rows = [
        row
        for file in folder.glob("runs/*/events/load-master.jsonl")
        for row in read_jsonl(file)
        if row["kind"] == "worker" and row["worker"] == number
    ]
    live = [row for file in folder.glob("runs/*/live.jsonl") for row in read_jsonl(file)]
    return rows[0]["pid"] if rows and any(row["sent"] for row in live) else None


def wait_for_end(child, folder):
    """The exit code, the output, and the run."""
    output, _ = child.communicate(timeout=150)
    (directory,) = (folder / "runs").iterdir()
    return child.returncode, output, RunDir.open(directory)


def test_three_workers_carry_one_load(tmp_path, require_service):
    """There is one timeline, one history and one verdict, and faults act on all workers."""
    require_service("redis")
    child = gauntlet(tmp_path, "edge-crash", "--steady", "40s")
    code, output, run = wait_for_end(child, tmp_path)
    assert code in (Exit.OK, Exit.INCONCLUSIVE), output
    result = run.read_result()
    sums = [row for row in run.read_events() if row["kind"] == "reconciliation"]
    assert sorted(row["worker"] for row in sums) == [0, 1, 2]
    assert result["counts"]["ops"] == sum(row["ops"] for row in sums)
    assert result["counts"]["missing"] == 0
    assert {check["verdict"] for check in result["checks"] if check["required"]} <= {
        "valid",
        "not-applicable",
    }
    assert [worker["worker"] for worker in run.read_manifest()["clock"]["workers"]] == [0, 1, 2]
    states = [(worker["worker"], worker["state"]) for worker in result["workers"]]
    assert states == [(0, "whole"), (1, "whole"), (2, "whole")]


def test_the_run_continues_without_a_killed_worker(tmp_path, require_service):
    """The loss is reported immediately and in the report; the run exits with 3."""
    require_service("redis")
    child = gauntlet(tmp_path, "steady", "--steady", "12s")
    pid = wait_for(lambda: worker_of(tmp_path, 1))
    os.kill(pid, signal.SIGKILL)
    code, output, run = wait_for_end(child, tmp_path)
    assert code == Exit.HARNESS, output
    assert f"pid {pid}) was lost at " in output
    assert f"pid {pid}) was lost at " in run.report.read_text()
    result = run.read_result()
    assert [worker["state"] for worker in result["workers"]] == ["whole", "lost", "whole"]
    assert result["counts"]["acked"] > 200
    assert {check["verdict"] for check in result["checks"]} == {"unknown", "not-applicable"}


def test_a_worker_that_was_silent_for_some_seconds_loses_nothing(tmp_path, require_service):
    """Locust considers it missing until it returns; everything that it recorded is judged."""
    require_service("redis")
    child = gauntlet(tmp_path, "steady", "--steady", "20s")
    pid = wait_for(lambda: worker_of(tmp_path, 1))
    os.kill(pid, signal.SIGSTOP)
    threading.Event().wait(8)
    os.kill(pid, signal.SIGCONT)
    _, output, run = wait_for_end(child, tmp_path)
    assert f"pid {pid}) was lost at " in output
    assert f"pid {pid}) is back" in output
    checks = {check["id"]: check["verdict"] for check in run.read_result()["checks"]}
    assert checks["lost-acked"] == checks["undelivered"] == "valid", output
