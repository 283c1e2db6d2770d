"""Plain Locust: `locust -f locustfile.py` boots the server, loads it, and judges the run."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir

pytestmark = pytest.mark.integration

LOCUSTFILE = Path(__file__).parents[2] / "locustfile.py"


def locust(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start Locust as a user does, in an empty folder."""
    command = [sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), "--headless"]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_headless_load_leaves_a_judged_run(tmp_path, require_service):
    """The run is like one of `gauntlet run`, with one message per second and user by default."""
    require_service("redis")
    child = locust(tmp_path, "-u", "20", "-r", "20", "-t", "8s")
    output, _ = child.communicate(timeout=100)
    assert child.returncode in (Exit.OK, Exit.INCONCLUSIVE), output
    (folder,) = (tmp_path / "runs").iterdir()
    run = RunDir.open(folder)
    (sums,) = [row for row in run.read_events() if row["kind"] == "reconciliation"]
    assert 120 <= sums["ops"] == sums["acked"] <= 160
    assert sums["missing"] == 0
    verdicts = {check["verdict"] for check in run.read_result()["checks"]}
    assert verdicts == {"valid", "not-applicable"}
    assert run.report.exists()


def test_ctrl_c_ends_locust_the_server_and_the_run(tmp_path, require_service):
    """Locust exits with 2, and what was recorded is kept."""
    require_service("redis")
    child = locust(tmp_path, "-u", "12", "-r", "12", "-t", "60s")
    for line in child.stdout:
        if "All users spawned" in line:
            break
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == Exit.INTERRUPTED, output
    (folder,) = (tmp_path / "runs").iterdir()
    assert any(row["kind"] == "interrupted" for row in RunDir.open(folder).read_events())
