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


def run(*arguments):
    """Run the script to its end."""
    command = [sys.executable, "-m", "benchmarks.load", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_row_is_printed_with_its_measurement_and_the_machine():
    done = run("--only=record", *TINY)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\| record \| .* µs .*\| (reached|missed) \|$", done.stdout, re.MULTILINE)
    assert "uvloop" in done.stdout


@pytest.mark.full
@pytest.mark.integration
@pytest.mark.timeout(400)  # the search for a busy rate makes up to twelve short trials
@pytest.mark.parametrize("row", [row for row in ROWS if row != "record"])
def test_a_tiny_run_measures_the_row_without_losses(require_service, row):
    if row in ("message", "durable", "tls"):
        require_service("redis")
    done = run("--peers", f"--only={row}", *TINY)
    assert done.returncode == 0, done.stderr
    lines = re.findall(rf"^\| {row} \| (.*)$", done.stdout, re.MULTILINE)
    assert lines
    for line in lines:
        assert not re.search(r"[1-9]\d* (missing|lost)", line), line


def test_the_documentation_has_every_row():
    explained = PAGE.partition("### Rows and method of the load engine")[2].partition("\n## ")[0]
    assert re.findall(r"^\| ([a-z-]+) \|", explained, re.MULTILINE)[1:] == [*ROWS]


def test_an_unknown_row_or_peer_is_rejected_before_anything_starts():
    assert run("--only=speed").returncode == 2
    assert run("--peers", "jmeter").returncode == 2
