"""`gauntlet run` as users call it: real processes and a verdict; no process outlives the run."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.stacks import subprocesses

pytestmark = pytest.mark.integration

SMALL = """\
version: 1
name: small
about: A few users, one killed gateway.
seed: 3
# Tokens expire during the run, so that users must log in again while they send.
target: {stack: STACK, server: {ping_ms: 2000, pong_ms: 1000, token_ttl_s: 6}}
load: {users: 12, workload: {direct: 2, group: {weight: 1, size: 4}}, rate: 40/s,
       ramp: 2s, steady: 8s, attempt_timeout: 2s, lag_budget_ms: 200}
faults:
  - {id: gone, kind: kill, target: gateway-1, at: 4s, for: 2s}
sla:
  - {id: arrives, indicator: delivery_max_ms, op: "<", value: 60000, window: run}
"""


def gauntlet(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    """Start the command as users do; its output goes to `output.txt`."""
    with (cwd / "output.txt").open("ab") as output:
        return subprocess.Popen(
            subprocesses.python("gauntlet", *arguments),
            cwd=cwd,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def open_run(folder: Path) -> RunDir:
    """Open the only run directory below a folder."""
    (directory,) = (folder / "runs").iterdir()
    return RunDir.open(directory)


def processes_of(run: RunDir) -> list[psutil.Process]:
    """Return the live processes whose command line or environment contains the run's id."""
    processes = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        texts = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if any(run.id in text for text in texts):
            processes.append(process)
    return processes


@pytest.fixture(params=["embedded", "full"])
def scenario(request, tmp_path, require_service):
    """The file of the small scenario, for each stack."""
    for service in ("redis", *(("postgres", "rabbitmq") if request.param == "full" else ())):
        require_service(service)
    file = tmp_path / "small.yaml"
    file.write_text(SMALL.replace("STACK", request.param))
    return file


def test_a_run_with_a_killed_gateway_passes_and_its_counts_are_consistent(scenario, tmp_path):
    """Judging the run again writes the same result."""
    child = gauntlet("run", "small.yaml", "--plain", cwd=tmp_path)
    code = child.wait(100)
    output = (tmp_path / "output.txt").read_text()
    assert code == Exit.OK, output
    run = open_run(tmp_path)
    result = run.read_result()
    (sums,) = [row for row in run.read_events() if row["kind"] == "reconciliation"]
    assert sums["ops"] == sums["acked"] + sums["rejected"] + sums["unknown"] > 200
    assert sums["expected"] == sums["presented"] + sums["missing"] > sums["ops"]
    assert (sums["rejected"], sums["unread"]) == (0, 0)
    assert result["verdict"]["status"] == "pass"
    (fault,) = result["faults"]
    assert fault["proof"]
    figures = {figure["id"]: figure for figure in result["self_audit"]["figures"]}
    assert {"send-lag", "loop-lag", "engine-cpu", "stack", "machine"} <= set(figures)
    assert all(figures[name]["typical"] > 0 for name in ("engine-cpu", "stack", "machine"))
    for artifact in (run.report, run.junit, run.summary):
        assert artifact.stat().st_size > 200
    assert processes_of(run) == []
    before = run.result.read_bytes()
    assert gauntlet("judge", str(run.path), cwd=tmp_path).wait(60) == Exit.OK
    assert run.result.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["boot", "fault"])
def test_an_interrupted_run_heals_its_faults_and_keeps_its_recordings(
    tmp_path, require_service, number, moment
):
    """Both at boot and during a fault it exits with 2 and leaves no process."""
    require_service("redis")
    (tmp_path / "small.yaml").write_text(SMALL.replace("STACK", "embedded"))
    child = gauntlet("run", "small.yaml", "--plain", cwd=tmp_path)
    text = "booting" if moment == "boot" else "fault gone: effective"
    wait_for_text(tmp_path / "output.txt", text)
    os.kill(child.pid, number)
    assert child.wait(40) == Exit.INTERRUPTED, (tmp_path / "output.txt").read_text()
    run = open_run(tmp_path)
    events = run.read_events()
    assert any(row["kind"] == "interrupted" for row in events)
    steps = [row["step"] for row in events if row["kind"] == "fault"]
    if moment == "fault":
        assert steps[-1] == "healed"
        assert json.loads(run.result.read_text())["verdict"]["status"] == "aborted"
    assert processes_of(run) == []


def wait_for_text(file: Path, text: str) -> None:
    """Wait until a file contains a text."""
    deadline = time.monotonic() + 60
    while text not in (file.read_text() if file.exists() else ""):
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.05)
