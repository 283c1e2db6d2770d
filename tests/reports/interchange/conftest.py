"""Fixtures that judge the lines of a history."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gauntlet.reports.interchange.export import export_lines
from gauntlet.reports.interchange.importing import import_history
from gauntlet.reports.verdict.judge import judge

Rows = list[dict[str, Any]]


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[Rows], dict[str, Any]]:
    """Return a function that judges a history and returns the result."""

    def run(rows: Rows) -> dict[str, Any]:
        file = tmp_path / "history.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return judge(import_history(str(file), tmp_path / "runs", []))

    return run


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[Rows], tuple[dict[str, Any], dict[str, Any]]]:
    """Return a function that judges a history, and what is exported of it; it returns both."""

    def run(rows: Rows) -> tuple[dict[str, Any], dict[str, Any]]:
        first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
        first.write_text("".join(json.dumps(row) + "\n" for row in rows))
        before = import_history(str(first), tmp_path / "runs", [])
        with second.open("w") as stream:
            export_lines(before, stream)
        return judge(before), judge(import_history(str(second), tmp_path / "again", []))

    return run
