"""The example of docs/reference/histories.md, as readers would run it."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/reference/histories.md"


def example(name: str) -> str:
    pattern = rf"<!-- example: {re.escape(name)} -->\n```\w*\n(.*?)```"
    found = re.search(pattern, PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, name
    return found[1]


def test_the_example_finds_a_loss_and_a_reorder(tmp_path: Path):
    script = tmp_path / "convert.py"
    script.write_text(example("convert.py"))
    assert len(example("convert.py").splitlines()) == 10
    converted = subprocess.run(
        [sys.executable, script],
        input=example("chat.log"),
        capture_output=True,
        text=True,
        check=True,
    )
    judged = subprocess.run(
        [sys.executable, "-P", "-m", "gauntlet", "judge", "--from", "-", "-o", tmp_path / "runs"],
        input=converted.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 1, judged.stderr
    shown = " ".join(judged.stdout.split())
    assert "sender-fifo: 1 of 4 first deliveries is out of their sender's order." in shown
    assert "bob never received message a4 of alice in team" in shown
    (run,) = (tmp_path / "runs").iterdir()
    written = {file.name for file in run.iterdir()}
    assert {"report.html", "result.json", "junit.xml", "summary.md", "grade.md"} <= written
