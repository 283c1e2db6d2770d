"""The command `gauntlet grades` without a run."""

import pytest

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.scenario.loader import parse


def test_show_prints_a_valid_scenario(capsys):
    assert main.main(["grades", "--show", "nats/core/kill"]) == Exit.OK
    assert parse(capsys.readouterr().out, "shown").faults[0].kind == "kill"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nothing"], "CELL must be SYSTEM"),
        (["--show", "nats"], "--show must be SYSTEM/CONFIGURATION/EXPERIMENT; got nats"),
        (["--jobs", "0"], "--jobs must be between 1 and 16; got 0"),
        (["--render", "--records", "/nowhere.jsonl"], "--records must be a file of records"),
    ],
)
def test_bad_usage_is_refused(arguments, error, capsys):
    assert main.main(["grades", *arguments]) == Exit.CONFIG
    assert error in capsys.readouterr().err


def test_list_shows_cells_without_a_verdict(tmp_path, capsys):
    file = str(tmp_path / "none.jsonl")
    assert main.main(["grades", "--list", "nats/core", "--records", file]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["nats/core/steady", "–"]
    assert len(lines) == 6
