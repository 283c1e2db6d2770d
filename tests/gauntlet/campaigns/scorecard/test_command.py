"""The command `gauntlet scorecard` without a server."""

import os
import signal
import sys

import pytest

from gauntlet.campaigns import record_files
from gauntlet.campaigns.scorecard import synthetic_histories
from gauntlet.campaigns.scorecard.trials import Record
from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.scenario.loader import parse

from .example import record

USUAL = ["scorecard", "correct/usual", "--seeds", "1"]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "scorecard.jsonl"


def test_show_prints_a_valid_scenario_and_how_to_run_it(capsys):
    assert main.main(["scorecard", "--show", "bugs/retry_mints_new_id"]) == Exit.OK
    shown = capsys.readouterr().out
    first = "# gauntlet run FILE --seed SEED --bug retry_mints_new_id"
    assert shown.splitlines()[0] == first
    assert len(parse(shown, "shown").faults) == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nothing"], "SUBJECT must be PART or PART/NAME, with a part of: anomalies, correct"),
        (["--show", "correct/usual"], "--show must be a subject of bugs or clean"),
        (["clean", "--jobs", "0"], "--jobs must be between 1 and 16; got 0"),
        (["clean", "--seeds", "0"], "--seeds must be between 1 and 1000; got 0"),
        (["--render", "--records", "/nowhere.jsonl"], "--records must be a file of records"),
    ],
)
def test_bad_usage_is_refused(arguments, error, capsys):
    assert main.main(["scorecard", *arguments]) == Exit.CONFIG
    assert error in capsys.readouterr().err


def test_a_picture_needs_its_extra(tmp_path, file, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    file.write_text("")
    page = tmp_path / "page.md"
    render = ["scorecard", "--render", "--records", str(file), "--page", str(page)]
    assert main.main(render) == Exit.CONFIG
    assert "pip install 'im-gauntlet[charts]'" in capsys.readouterr().err
    assert not page.exists()


def test_a_trial_is_recorded_once_and_then_rendered(tmp_path, file, capsys):
    arguments = [*USUAL, "--records", str(file), "--out", str(tmp_path / "runs")]
    assert main.main(arguments) == Exit.OK
    assert main.main(arguments) == Exit.OK
    (found,) = record_files.read(file, Record)
    assert (found.subject, found.seed, found.verdict) == ("usual", 1, "pass")
    page = tmp_path / "docs" / "scorecard.md"
    page.parent.mkdir()
    render = ["scorecard", "--render", "--records", str(file), "--page", str(page)]
    assert main.main(render) == Exit.OK
    assert "`usual`" in page.read_text()
    assert (page.parent / "images" / "scorecard.svg").read_text().startswith("<?xml")
    capsys.readouterr()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_two_trials_ends_the_command_in_one_line(
    tmp_path, file, capsys, monkeypatch, number
):
    try_out, tried = synthetic_histories.try_out, []

    def interrupted(*arguments):
        tried.append(1)
        if len(tried) == 2:
            os.kill(os.getpid(), number)
        return try_out(*arguments)

    monkeypatch.setattr(synthetic_histories, "try_out", interrupted)
    arguments = ["scorecard", "correct/usual", "--seeds", "3", "--records", str(file)]
    assert main.main(arguments) == Exit.INTERRUPTED
    name = signal.Signals(number).name
    assert capsys.readouterr().err == (
        f"gauntlet: stopped by {name}: trials recorded in {file}: 1; the same command runs the "
        "others\n"
    )
    assert main.main(arguments) == Exit.OK
    assert len(list(record_files.read(file, Record))) == 3


def test_a_recorded_miss_fails_the_command(tmp_path, file, capsys):
    (tmp_path / "bug.py").write_text(
        "ANOMALIES = ('late',)\nSENTENCE = 'it is late'\nSERVICES = ('edge',)\n"
    )
    arguments = ["scorecard", "bugs/bug", "--bugs", str(tmp_path), "--records", str(file)]
    assert main.main([*arguments, "--list"]) == Exit.OK
    assert capsys.readouterr().out.split() == ["bugs/bug", "0", "of", "10", "seeds"]
    from gauntlet.campaigns.scorecard import live

    fingerprint = live.bugs(tmp_path)[-1].fingerprint
    record_files.append(file, record(name="bug", verdict="pass", fingerprint=fingerprint))
    assert main.main([*arguments, "--seeds", "1"]) == Exit.FAILED
    assert "missed: bugs/bug/1" in capsys.readouterr().out
