"""Fixtures that judge the lines of a history."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
