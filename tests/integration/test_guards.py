"""Guards stop a load that has failed, on one worker, on two and in plain Locust, and no other."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.stacks import subprocesses

pytestmark = [pytest.mark.integration, pytest.mark.ci]

ROOT = Path(__file__).parents[2]
OVERTAKING = ROOT / "benchmarks" / "bugs" / "prefetch_reorders.py"
WIRE_ORDER = {"check": "wire-order"}
STEADY_S = 60
ENOUGH_S = 40  # a load that was stopped has ended by then, also on a busy machine


def scenario_file(folder, guards, steady_s=STEADY_S, **keys):
    """Write a scenario of a small load with these guards."""
    content = {
        "version": 1, "name": "guarded", "about": "A small load with guards.",
        "target": {"server": {"ping_ms": 2000, "pong_ms": 1000}},
        "load": {
            "users": 12, "workload": {"direct": 1}, "rate": "24/s", "ramp": "2s",
            "steady": f"{steady_s}s", "lag_budget_ms": 500,
        },
        "guards": guards, **keys,
    }  # fmt: skip
    file = folder / "guarded.yaml"
    file.write_text(yaml.safe_dump(content))
    return str(file)


def run(folder, *command):
    """Run a command, and return its exit code, the result of its run, and its output."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    (path,) = (folder / "runs").iterdir()
    return done.returncode, RunDir.open(path).read_result(), done.stdout + done.stderr


def gauntlet(folder, *arguments):
    """Run `gauntlet run …`."""
    return run(folder, *subprocesses.python("gauntlet", "run", *arguments, "--plain"))


def assert_stopped(code, result, output, condition):
    """Assert that the only guard ended the load early, and is the first reason of the failure."""
    assert code == Exit.FAILED, output
    (guard,) = result["guards"]
    assert (guard["condition"], guard["fired"]) == (condition, True), output
    assert 0 < guard["at_s"] < ENOUGH_S
    assert "stopped the load" in guard["sentence"]
    assert result["verdict"]["reasons"][0].startswith(guard["sentence"].rstrip("."))
    audited = result["counts"]["ops"]
    assert 0 < audited < 24 * STEADY_S


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_server_is_noticed_while_the_load_runs(tmp_path, require_service, workers):
    require_service("redis")
    file = scenario_file(tmp_path, [WIRE_ORDER])
    options = ("--bug", str(OVERTAKING), "--workers", str(workers))
    code, result, output = gauntlet(tmp_path, file, *options)
    assert_stopped(code, result, output, "wire-order")
    violated = [check["id"] for check in result["checks"] if check["verdict"] == "invalid"]
    assert "wire-order" in violated  # the judge confirms the suspicion


def test_a_guard_stops_plain_locust(tmp_path, require_service):
    require_service("redis")
    guard = {"indicator": "acked_per_s", "op": "<", "value": 1000, "for": "3s"}
    file = scenario_file(tmp_path, [guard])
    options = ("-f", str(ROOT / "locustfile.py"), "--headless", "--scenario", file)
    size = ("-u", "12", "-r", "12", "-t", f"{STEADY_S}s")
    code, result, output = run(tmp_path, sys.executable, "-P", "-m", "locust", *options, *size)
    assert_stopped(code, result, output, "acked_per_s < 1000 for 3 s")


def test_a_correct_server_is_not_stopped_in_a_fault(tmp_path, require_service):
    """Clients of a killed edge wait for messages, and the guards of loss wait for the recovery."""
    require_service("redis")
    guards = [WIRE_ORDER, {"check": "lost-acked"}, {"check": "undelivered"}]
    fault = {"id": "crash", "kind": "kill", "target": "edge-blue-1", "at": "5s", "for": "3s"}
    file = scenario_file(tmp_path, guards, 20, faults=[fault], recovery_window="10s")
    code, result, output = gauntlet(tmp_path, file)
    assert code in (Exit.OK, Exit.INCONCLUSIVE), output
    assert [guard["fired"] for guard in result["guards"]] == [False, False, False]
    assert result["counts"]["ops"] > 24 * 18
