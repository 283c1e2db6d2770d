"""The benchmark of the load engine measures every row, and the documentation describes each."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.load.__main__ import ROWS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text()
TINY = ("--seconds=0.5", "--repeats=1", "--connections=10", "--stack=embedded", "--markdown")


@pytest.fixture
def run(tmp_path):
    """Run the script to its end, with records and a picture of the test."""
    files = (f"--records={tmp_path}/load.jsonl", f"--picture={tmp_path}/picture.svg")

    def run(*arguments):
        command = [sys.executable, "-m", "benchmarks.load", *files, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    return run


def test_a_row_is_printed_with_its_measurement_and_the_machine_and_again_when_rendered(run):
    done = run("--only=record", *TINY)
    assert done.returncode == 0, done.stderr
    row = re.search(r"^\| record \| .* µs .*\| (reached|missed) \|$", done.stdout, re.MULTILINE)
    assert row
    assert "uvloop" in done.stdout
    assert row[0] in run("--render", "--markdown").stdout


@pytest.mark.full
@pytest.mark.integration
@pytest.mark.timeout(400)  # the search for a busy rate makes up to twelve short trials
@pytest.mark.parametrize("row", [row for row in ROWS if row != "record"])
def test_a_tiny_run_measures_the_row_without_losses(require_service, run, row, tmp_path):
    if row in ("message", "durable", "tls"):
        require_service("redis")
    done = run("--peers", f"--only={row}", *TINY)
    assert done.returncode == 0, done.stderr
    lines = re.findall(rf"^\| {row} \| (.*)$", done.stdout, re.MULTILINE)
    assert lines
    for line in lines:
        assert not re.search(r"[1-9]\d* (missing|lost)", line), line
    assert run("--render").returncode == 0
    assert (tmp_path / "picture.svg").exists() == (row == "round-trip")


def test_the_documentation_has_every_row():
    explained = PAGE.partition("### Rows and method of the load engine")[2].partition("\n## ")[0]
    assert re.findall(r"^\| ([a-z-]+) \|", explained, re.MULTILINE)[1:] == [*ROWS]


def test_a_benchmark_without_time_measures_nothing_and_says_that_it_is_incomplete(run):
    done = run("--only=record", "--minutes=0", *TINY)
    assert done.returncode == 3
    assert "the same command continues" in done.stderr
    assert run("--render").returncode == 3


def test_an_unknown_row_or_peer_is_rejected_before_anything_starts(run):
    assert run("--only=speed").returncode == 2
    assert run("--peers", "jmeter").returncode == 2
