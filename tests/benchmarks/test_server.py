"""The benchmark of the server prints every row, and the documentation describes each."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TINY = ("--seconds=0.5", "--conversations=8", "--members=5", "--connections=20")


def run(*arguments):
    """Run the script to its end."""
    command = [sys.executable, "-m", "benchmarks.server", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def row_names():
    """Return the names of the rows that the script measures."""
    code = "import json; from benchmarks.server import ROWS; print(json.dumps([*ROWS]))"
    return json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT))


@pytest.mark.integration
@pytest.mark.ci
def test_a_tiny_run_prints_every_row_without_losses(require_service):
    require_service("redis")
    done = run("--stack=embedded", "--markdown", *TINY)
    assert done.returncode == 0, done.stderr
    table = re.findall(r"^\| (\w+) \| (.*?) \|$", done.stdout, re.MULTILINE)
    assert [name for name, _ in table] == ["row", *row_names()]
    for name, cells in table:
        if "lost" in cells and name != "row":
            assert "; 0 lost, 0 failed, 0 out of order" in cells, name


def test_the_documentation_has_every_row():
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    text, _, _ = page.partition("## The load engine")
    published, explained = (["row", *row_names()] for _ in range(2))
    assert re.findall(r"^\| (\w+) \|", text, re.MULTILINE) == published + explained


def test_an_unknown_row_is_rejected_before_anything_starts():
    assert run("--only=speed").returncode == 2
