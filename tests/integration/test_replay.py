"""Recorded messages reach their receivers with the recorded sizes and texts."""

import json
import subprocess
from collections import Counter

import pytest

from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.stacks import subprocesses

pytestmark = [pytest.mark.integration, pytest.mark.ci]

SCENARIO = """
version: 1
name: replay
about: Recorded traffic.
load:
  users: 6
  workload: {direct: 1}
  profile: {kind: recorded, file: recorded.csv}
  ramp: 2s
  steady: 4s
  lag_budget_ms: 1000
"""
SIZES = [150 + 13 * n for n in range(40)]


def run_replay(folder, trace, *arguments):
    """Run the scenario with this trace; return the exit code, the run and the output."""
    (folder / "replay.yaml").write_text(SCENARIO)
    (folder / "recorded.csv").write_text(trace)
    command = subprocesses.python("gauntlet", "run", "replay.yaml", "--plain", "--out", "runs")
    done = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    (run,) = (folder / "runs").iterdir()
    return done.returncode, RunDir.open(run), done.stdout + done.stderr


def received_sizes(run):
    """Return how many different messages of each body size the traced users received."""
    bodies = {}
    for file in run.logs.glob("trace-*.jsonl"):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row["what"] == "received" and '"body"' in row.get("text", ""):
                frame = json.loads(row["text"])["msg"]
                bodies[frame["conv"], frame["seq"]] = frame["body"]
    return Counter(len(body.encode()) for body in bodies.values())


@pytest.mark.timeout(200)
def test_receivers_get_bodies_of_the_recorded_sizes(require_service, tmp_path):
    require_service("redis")
    rows = [f"{n / 10:.1f},{size},{'ann' if n % 3 else 'bob'}" for n, size in enumerate(SIZES)]
    trace = "\n".join(["offset_s,size_bytes,sender", *rows]) + "\n"
    code, run, output = run_replay(tmp_path, trace, "--trace", "6")
    assert code == Exit.OK, output
    assert received_sizes(run) == Counter(SIZES)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_recorded_texts_are_sent_and_are_in_no_file_of_the_run(require_service, tmp_path, workers):
    require_service("redis")
    rows = [f"{n / 10:.1f},planted-text-{n}" for n in range(40)]
    trace = "\n".join(["offset_s,text", *rows]) + "\n"
    code, run, output = run_replay(tmp_path, trace, "--workers", workers)
    assert code == Exit.OK, output
    assert run.read_result()["counts"]["ops"] == 40
    assert "planted-text" not in output
    for file in run.path.rglob("*"):
        assert not file.is_file() or b"planted-text" not in file.read_bytes(), file
