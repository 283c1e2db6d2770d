"""What a run shows of the files that its processes write."""

from typing import Any

import pytest

from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner import watch
from gauntlet.runner.watch import Watch

SCENARIO = from_builtins({"version": 1, "name": "seen", "about": "x", "load": {"users": 4}})


class Shown:
    """A view that keeps the marks, and ignores the rest."""

    def __init__(self) -> None:
        self.marks: list[dict[str, Any]] = []

    def mark(self, row: dict[str, Any]) -> None:
        self.marks.append(row)

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_options: None


@pytest.fixture
def run(tmp_path):
    return RunDir.create(tmp_path, "seen", 1)


def test_a_mark_is_shown_once_when_it_is_made(run, monkeypatch):
    monkeypatch.setattr(watch, "POLL_S", 0.0)
    shown = Shown()
    watching = Watch(SCENARIO, run, shown)
    watching.poll()
    assert shown.marks == []
    journal = Journal(run, "mark")
    journal.write("mark", t_ns=5, id="reboot", step="begin")
    for _ in range(2):
        watching.poll()
    assert [(row["id"], row["step"], row["t_ns"]) for row in shown.marks] == [
        ("reboot", "begin", 5)
    ]
    journal.close()
