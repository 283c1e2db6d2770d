"""The examples of docs/reference/histories.md, as readers would run it."""

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


def judge(history: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "gauntlet", "judge", "--from", "-", "-o", folder / "runs"],
        input=history,
        capture_output=True,
        text=True,
        check=False,
    )


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
    judged = judge(converted.stdout, tmp_path)
    assert judged.returncode == 1, judged.stderr
    shown = " ".join(judged.stdout.split())
    assert "sender-fifo: 1 of 4 first deliveries is out of their sender's order." in shown
    assert "bob never received message a4 of alice in team" in shown
    (run,) = (tmp_path / "runs").iterdir()
    written = {file.name for file in run.iterdir()}
    assert {"report.html", "result.json", "junit.xml", "summary.md", "grade.md"} <= written


def test_an_export_shows_that_an_acknowledged_message_is_not_stored(tmp_path: Path):
    for name in ("team.json", "sent.csv", "convert_export.py"):
        (tmp_path / name).write_text(example(name))
    converted = subprocess.run(
        [sys.executable, "convert_export.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    judged = judge(converted.stdout, tmp_path)
    assert judged.returncode == 1, judged.stderr
    shown = " ".join(judged.stdout.split())
    assert "lost-acked: 1 of 3 acknowledged messages is missing from storage." in shown
    assert "The server acknowledged that message c3 of U1 in team is stored" in shown
