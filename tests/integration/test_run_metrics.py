"""A run whose system exports what it uses."""

import json
import subprocess
import sys

import pytest

from gauntlet.core.errors import Exit
from gauntlet.stacks import subprocesses

pytestmark = pytest.mark.integration

RUN = """\
version: 1
name: watched
about: A few users.
target: {stack: embedded}
load: {users: 8, rate: 20/s, ramp: 1s, steady: 6s, lag_budget_ms: 400}
"""
PAGE = """
import time
print("cpu_seconds_total", time.monotonic() / 4)
print("open_connections", 41)
"""


def test_the_report_shows_what_the_system_exports_beside_what_its_processes_used(
    tmp_path, require_service
):
    require_service("redis")
    series = [
        {"component": "proxy", "resource": "cpu_s", "series": "cpu_seconds_total"},
        {"component": "proxy", "resource": "connections", "series": "open_connections"},
    ]
    metrics = {"version": 1, "every": "1s", "series": series}
    metrics["command"] = [sys.executable, "-c", PAGE]
    (tmp_path / "metrics.yaml").write_text(json.dumps(metrics))
    (tmp_path / "watched.yaml").write_text(RUN)
    command = ("run", "watched.yaml", "--plain", "--metrics", "metrics.yaml", "--allow-exec")
    done = subprocess.run(
        subprocesses.python("gauntlet", *command),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode in (Exit.OK, Exit.INCONCLUSIVE), done.stdout + done.stderr
    (directory,) = (tmp_path / "runs").iterdir()
    rows = [
        json.loads(line)
        for line in (directory / "events" / "metrics.jsonl").read_text().splitlines()
    ]
    assert len(rows) >= 4
    used = [row["component_cores"]["proxy"] for row in rows]
    assert sum(used) / len(used) == pytest.approx(0.25, abs=0.05)
    assert {row["component_connections"]["proxy"] for row in rows} == {41}
    report = (directory / "report.html").read_text()
    assert 'id="figure-components"' in report
    for text in ("CPU, cores", "gateway-1", "proxy", "connections"):
        assert text in report


def test_a_file_that_is_not_possible_ends_the_command_before_anything_starts(tmp_path):
    (tmp_path / "watched.yaml").write_text(RUN)
    (tmp_path / "metrics.yaml").write_text("version: 1\nseries: []\n")
    done = subprocess.run(
        subprocesses.python("gauntlet", "run", "watched.yaml", "--metrics", "metrics.yaml"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == Exit.CONFIG
    assert "either `prometheus` or `command`" in done.stderr
    assert not (tmp_path / "runs").exists()
