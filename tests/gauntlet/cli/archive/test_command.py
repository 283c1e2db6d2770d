"""`gauntlet runs` lists, labels and prunes, and removes nothing without consent."""

import io
import json
from pathlib import Path

import pytest

from gauntlet.cli.arguments import build_parser
from gauntlet.cli.commands import COMMANDS
from gauntlet.cli.main import main
from gauntlet.core import labels
from gauntlet.core.errors import Exit

from ....reports.archive.saved_runs import save


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_runs_are_listed_with_verdict_labels_and_size(tmp_path, capsys):
    save(tmp_path, "20260101T000000Z-a", status="fail", labelled={"version": "2.3"})
    save(tmp_path, "20260101T000000Z-\x1b[31m[b]")
    assert main(["runs", "--out", str(tmp_path)]) == Exit.OK
    text = capsys.readouterr().out
    assert "version=2.3" in text
    assert "fail" in text
    assert "2 runs, 0.0 MiB" in text
    assert "\x1b" not in text
    assert "[b]" in text


def test_a_narrow_terminal_shows_the_verdict_and_the_whole_name(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    name = "20260101T000000Z-" + "a-long-name-" * 5
    save(tmp_path, name, status="inconclusive")
    assert main(["runs", "--out", str(tmp_path)]) == Exit.OK
    text = capsys.readouterr().out
    first_column = "".join(line.split()[0] for line in text.splitlines()[1:-1])
    assert (first_column, "…" in text) == (name, False)
    assert " inconclusive " in text
    assert text.splitlines()[-1].startswith("1 run, ")


def test_the_list_as_json_names_each_run_with_its_labels(tmp_path, capsys):
    run = save(tmp_path, "a", labelled={"version": "2.3"})
    assert main(["runs", "--out", str(tmp_path), "--json"]) == Exit.OK
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["path"], row["state"], row["status"]) == (str(run.path), "judged", "pass")
    assert row["labels"] == {"version": "2.3"}


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--label", "version=2.3"], ["a", "b"]),
        (["--label", "version=2.3", "--label", "zone=x"], ["b"]),
        (["--label", "version="], ["c"]),
        (["--label", "version=9"], []),
    ],
)
def test_the_list_can_be_limited_to_labels(tmp_path, capsys, options, names):
    save(tmp_path, "a", labelled={"version": "2.3"})
    save(tmp_path, "b", labelled={"version": "2.3", "zone": "x"})
    save(tmp_path, "c")
    assert main(["runs", "--out", str(tmp_path), "--json", *options]) == Exit.OK
    rows = json.loads(capsys.readouterr().out)
    assert sorted(Path(row["path"]).name for row in rows) == names


def test_a_label_without_an_equals_sign_is_refused(tmp_path, capsys):
    assert main(["runs", "--out", str(tmp_path), "--label", "version"]) == Exit.CONFIG
    assert "a label must be KEY=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["before", "after"])
def test_pruning_can_be_limited_to_labels(tmp_path, place):
    kept = save(tmp_path, "a", labelled={"version": "2.3"})
    removed = save(tmp_path, "b", labelled={"version": "2.2"})
    label, action = ["--label", "version=2.2"], ["prune", "--keep", "0", "--yes"]
    order = [*label, *action] if place == "before" else [*action, *label]
    assert main(["runs", "--out", str(tmp_path), *order]) == Exit.OK
    assert (kept.path.exists(), removed.path.exists()) == (True, False)


def test_a_run_is_labelled_afterwards(tmp_path, capsys):
    run = save(tmp_path, "a", labelled={"old": "1"})
    assert main(["runs", "label", str(run.path), "version=2.3", "old="]) == Exit.OK
    assert labels.read(run) == {"version": "2.3"}
    assert capsys.readouterr().out.endswith("a: version=2.3\n")


def test_labels_at_the_start_of_a_run_are_collected():
    arguments = ["run", "tour", "--label", "version=2.3", "--label", "site=x"]
    options = build_parser(COMMANDS).parse_args(arguments)
    assert options.labels == {"version": "2.3", "site": "x"}
    assert build_parser(COMMANDS).parse_args(["run", "tour"]).labels == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "label", "{run}", "nonsense"],
        ["runs", "label", "{run}"],
        ["runs", "label", "{run}/missing", "a=b"],
        ["run", "tour", "--label", "nonsense"],
        ["runs", "prune", "--yes"],
        ["runs", "prune", "--keep", "-1", "--yes"],
        ["runs", "prune", "--out", "{run}/missing", "--keep", "1"],
    ],
)
def test_bad_usage_is_reported_and_changes_nothing(tmp_path, arguments, capsys):
    run = save(tmp_path, "a")
    assert main([each.format(run=run.path) for each in arguments]) == Exit.CONFIG
    assert capsys.readouterr().err.startswith("gauntlet: ")
    assert labels.read(run) == {}


def prune(folder, *more):
    return main(["runs", "prune", "--out", str(folder), "--keep", "1", *more])


def test_pruning_removes_old_runs_with_yes(tmp_path, capsys):
    old, new = save(tmp_path, "a", started=1), save(tmp_path, "b", started=2)
    assert prune(tmp_path, "--yes") == Exit.OK
    assert not old.path.exists()
    assert new.path.exists()
    assert "1 of 1 runs were removed." in capsys.readouterr().out
    assert prune(tmp_path) == Exit.OK
    assert "No run is to be removed." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "more", "code"),
    [("n\n", [], Exit.OK), ("", ["--dry-run"], Exit.OK), (None, [], Exit.CONFIG)],
)
def test_pruning_without_consent_removes_nothing(tmp_path, monkeypatch, answer, more, code):
    old, _ = save(tmp_path, "a", started=1), save(tmp_path, "b", started=2)
    monkeypatch.setattr("sys.stdin", io.StringIO() if answer is None else _Terminal(answer))
    assert prune(tmp_path, *more) == code
    assert old.path.exists()


def test_pruning_after_the_answer_yes_removes_old_runs(tmp_path, monkeypatch):
    old, _ = save(tmp_path, "a", started=1), save(tmp_path, "b", started=2)
    monkeypatch.setattr("sys.stdin", _Terminal("y\n"))
    assert prune(tmp_path) == Exit.OK
    assert not old.path.exists()
