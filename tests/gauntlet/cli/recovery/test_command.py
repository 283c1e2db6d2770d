"""`gauntlet recover` prints what was done, and its exit code says whether something is left."""

import json

import pytest

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.runner.recovery import journal


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of the journals of this test."""
    monkeypatch.setenv(journal.FOLDER_ENV, str(tmp_path))
    return tmp_path


@pytest.fixture
def left(folder):
    """A run that was killed before it healed a fault by a command."""
    heal = {"heal": ["true"], "verify": None, "timeout_s": 60, "path": "/run"}
    rows = [
        {"kind": "owner", "version": 1, "run": "dead", "path": "/run"},
        {"kind": "fault", "id": "f", "step": "requested", **heal},
    ]
    (folder / "dead.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_nothing_is_left_by_default(capsys):
    assert main.main(["recover"]) == Exit.OK
    assert capsys.readouterr().out == "No run of this user left anything behind.\n"


@pytest.mark.usefixtures("left")
def test_a_command_that_must_not_run_is_printed(capsys):
    assert main.main(["recover"]) == Exit.ROLLBACK
    out = capsys.readouterr().out
    assert out.startswith("✘ dead: fault f is not healed;")
    assert out.endswith("by: true\n")


@pytest.mark.usefixtures("left")
def test_the_outcomes_are_printed_as_json(capsys):
    assert main.main(["recover", "--json", "--allow-exec"]) == Exit.OK
    assert json.loads(capsys.readouterr().out) == {
        "exit_code": 0,
        "outcomes": [{"run": "dead", "text": "fault f healed by: true", "done": True}],
    }


@pytest.mark.usefixtures("left")
def test_what_was_undone_by_hand_is_discarded():
    assert main.main(["recover", "--discard"]) == Exit.OK
    assert main.main(["recover"]) == Exit.OK


@pytest.mark.usefixtures("left")
def test_a_run_does_not_start_while_something_is_left(tmp_path, capsys):
    out = tmp_path / "runs"
    assert main.main(["run", "steady", "--plain", "--out", str(out)]) == Exit.ROLLBACK
    assert "an earlier run was killed" in capsys.readouterr().err
    assert not out.exists()
