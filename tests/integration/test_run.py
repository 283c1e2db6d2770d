"""`gauntlet run` as a user calls it: real processes, a real verdict, nothing left behind."""

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
# Tokens that end within the run: its users have to log in again while they talk.
target: {stack: STACK, server: {ping_ms: 2000, pong_ms: 1000, token_ttl_s: 6}}
load: {users: 12, workload: {direct: 2, group: {weight: 1, size: 4}}, rate: 40/s,
       ramp: 2s, steady: 8s, attempt_timeout: 2s, lag_budget_ms: 200}
faults:
  - {id: gone, kind: kill, target: gateway-1, at: 4s, for: 2s}
sla:
  - {id: arrives, indicator: delivery_max_ms, op: "<", value: 60000, window: run}
"""


def gauntlet(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    """Start the command as a user would, its output kept in a file."""
    with (cwd / "output.txt").open("ab") as output:
        return subprocess.Popen(
            subprocesses.python("gauntlet", *arguments),
            cwd=cwd,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def the_run(folder: Path) -> RunDir:
    """The one run directory below a folder."""
    (only,) = (folder / "runs").iterdir()
    return RunDir.open(only)


def processes_of(run: RunDir) -> list[psutil.Process]:
    """The live processes whose command, log or folder names this run."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if any(run.id in word for word in words):
            found.append(process)
    return found


@pytest.fixture(params=["embedded", "full"])
def scenario(request, tmp_path, require_service):
    """The small scenario's file, for each stack."""
    for service in ("redis", *(("postgres", "rabbitmq") if request.param == "full" else ())):
        require_service(service)
    file = tmp_path / "small.yaml"
    file.write_text(SMALL.replace("STACK", request.param))
    return file


def test_a_run_ends_green_with_everything_counted(scenario, tmp_path):
    """A healthy server under a killed gateway passes; figures add up; the verdict repeats."""
    child = gauntlet("run", "small.yaml", "--plain", cwd=tmp_path)
    code = child.wait(100)
    output = (tmp_path / "output.txt").read_text()
    assert code == Exit.OK, output
    run = the_run(tmp_path)
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
def test_an_interrupted_run_heals_ends_and_keeps_what_it_has(
    tmp_path, require_service, number, moment
):
    """Ctrl-C or SIGTERM at boot or in mid-fault: exit 2, faults healed, no process left."""
    require_service("redis")
    (tmp_path / "small.yaml").write_text(SMALL.replace("STACK", "embedded"))
    child = gauntlet("run", "small.yaml", "--plain", cwd=tmp_path)
    await_text(tmp_path / "output.txt", "booting" if moment == "boot" else "fault gone: effective")
    os.kill(child.pid, number)
    assert child.wait(40) == Exit.INTERRUPTED, (tmp_path / "output.txt").read_text()
    run = the_run(tmp_path)
    events = run.read_events()
    assert any(row["kind"] == "interrupted" for row in events)
    steps = [row["step"] for row in events if row["kind"] == "fault"]
    if moment == "fault":
        assert steps[-1] == "healed"
        assert json.loads(run.result.read_text())["verdict"]["status"] == "aborted"
    assert processes_of(run) == []


def await_text(file: Path, text: str) -> None:
    """Wait until a file holds a text."""
    deadline = time.monotonic() + 60
    while text not in (file.read_text() if file.exists() else ""):
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.05)
