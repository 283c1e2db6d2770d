"""A folder of journals for each test, and journals whose owner is dead."""

import json

import pytest

from gauntlet.runner.recovery import journal


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of the journals of this test."""
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    monkeypatch.setenv(journal.FOLDER_ENV, str(path))
    return path


@pytest.fixture
def left_by(folder):
    """Write a journal whose owner is dead, from rows, and from text that is appended to them."""

    def write(*rows, run="dead", version=1, text="", **of_owner):
        owner = {"kind": "owner", "version": version, "run": run, "path": "/nowhere", **of_owner}
        path = folder / f"{run}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in (owner, *rows)) + text)
        return path

    return write
