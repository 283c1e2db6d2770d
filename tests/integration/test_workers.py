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
    """A run on three workers, begun."""
    size = ("--workers", "3", "--users", "18", "--rate", "60/s", "--ramp", "2s", "--plain")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "gauntlet", "run", *arguments, *size],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(look, within_s=60):
    """What a look finds, when it finds something."""
    until_s = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < until_s
        threading.Event().wait(0.1)
    return found


def worker_of(folder, number):
    """The process of a worker, once it is under way."""
    rows = [
        row
        for file in folder.glob("runs/*/events/load-master.jsonl")
        for row in read_jsonl(file)
        if row["kind"] == "worker" and row["worker"] == number
    ]
    live = [row for file in folder.glob("runs/*/live.jsonl") for row in read_jsonl(file)]
    return rows[0]["pid"] if rows and any(row["sent"] for row in live) else None


def ended(child, folder):
    """The exit code, what was said, and the run."""
    said, _ = child.communicate(timeout=150)
    (directory,) = (folder / "runs").iterdir()
    return child.returncode, said, RunDir.open(directory)


def test_three_workers_are_one_load(tmp_path, require_service):
    """One timeline, one history, one verdict; faults act on all of them."""
    require_service("redis")
    child = gauntlet(tmp_path, "edge-crash", "--steady", "40s")
    code, said, run = ended(child, tmp_path)
    assert code in (Exit.OK, Exit.INCONCLUSIVE), said
    result = run.read_result()
    lines = [row for row in run.read_events() if row["kind"] == "reconciliation"]
    assert sorted(line["worker"] for line in lines) == [0, 1, 2]
    assert result["counts"]["ops"] == sum(line["ops"] for line in lines)
    assert result["counts"]["missing"] == 0
    assert {check["verdict"] for check in result["checks"] if check["required"]} <= {
        "valid",
        "not-applicable",
    }
    assert [worker["worker"] for worker in run.read_manifest()["clock"]["workers"]] == [0, 1, 2]
    told = [(worker["worker"], worker["state"]) for worker in result["workers"]]
    assert told == [(0, "whole"), (1, "whole"), (2, "whole")]


def test_the_run_goes_on_without_a_worker_that_was_killed(tmp_path, require_service):
    """It is named at once and in the report; exit 3."""
    require_service("redis")
    child = gauntlet(tmp_path, "steady", "--steady", "12s")
    pid = wait_for(lambda: worker_of(tmp_path, 1))
    os.kill(pid, signal.SIGKILL)
    code, said, run = ended(child, tmp_path)
    assert code == Exit.HARNESS, said
    assert f"pid {pid}) was lost at " in said
    assert f"pid {pid}) was lost at " in run.report.read_text()
    result = run.read_result()
    assert [worker["state"] for worker in result["workers"]] == ["whole", "lost", "whole"]
    assert result["counts"]["acked"] > 200
    assert {check["verdict"] for check in result["checks"]} == {"unknown", "not-applicable"}


def test_a_worker_that_was_silent_for_a_while_has_lost_nothing(tmp_path, require_service):
    """Locust misses it and finds it again; what it sent and saw is judged."""
    require_service("redis")
    child = gauntlet(tmp_path, "steady", "--steady", "20s")
    pid = wait_for(lambda: worker_of(tmp_path, 1))
    os.kill(pid, signal.SIGSTOP)
    threading.Event().wait(8)
    os.kill(pid, signal.SIGCONT)
    _, said, run = ended(child, tmp_path)
    assert f"pid {pid}) was lost at " in said
    assert f"pid {pid}) is back" in said
    checks = {check["id"]: check["verdict"] for check in run.read_result()["checks"]}
    assert checks["lost-acked"] == checks["undelivered"] == "valid", said
