"""A list shows each run of a folder with its state, and survives damaged ones."""

import pytest

from gauntlet.core import run_lock
from gauntlet.core.errors import ConfigError
from gauntlet.reports.archive.listing import entries

from .saved_runs import save


def states(folder):
    return {entry.path.name: entry.state for entry in entries(folder)}


def test_runs_are_listed_with_the_newest_first(tmp_path):
    save(tmp_path, "b", started=1, labelled={"version": "2"})
    save(tmp_path, "a", started=2, status="fail")
    newest, oldest = entries(tmp_path)
    assert (newest.path.name, newest.status, newest.labels) == ("a", "fail", {})
    assert (oldest.path.name, oldest.numbers, oldest.labels) == (
        "b",
        "trustworthy",
        {"version": "2"},
    )
    assert (oldest.scenario, oldest.seed) == ("steady", 7)
    assert oldest.size_bytes > 100


def test_a_run_is_running_while_its_command_holds_the_lock(tmp_path):
    run = save(tmp_path, "a")
    with run_lock.held(run.path):
        assert states(tmp_path) == {"a": "running"}
    assert states(tmp_path) == {"a": "judged"}


def test_a_run_without_result_runs_for_as_long_as_it_writes(tmp_path):
    save(tmp_path, "old", status=None)
    save(tmp_path, "new", status=None, age_s=5)
    assert states(tmp_path) == {"old": "unfinished", "new": "running"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: run.manifest.write_text("{"),
        lambda run: run.manifest.write_text("{}"),
        lambda run: run.manifest.write_text('{"scenario": [], "clock": {}}'),
        lambda run: run.manifest.write_text('{"scenario": {"name": 1}, "clock": {}}'),
        lambda run: run.result.write_text('{"verdict": {"status": NaN}}'),
        lambda run: run.result.write_text('{"verdict": null}'),
        lambda run: run.labels.write_text("[]"),
    ],
)
def test_a_damaged_run_is_listed_with_its_problem(tmp_path, damage):
    damage(save(tmp_path, "a"))
    (entry,) = entries(tmp_path)
    assert entry.state == "unreadable"
    assert str(tmp_path) in entry.problem


def test_other_folders_and_symbolic_links_are_no_runs(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(save(tmp_path / "elsewhere", "a").path)
    assert entries(tmp_path) == []


def test_a_missing_folder_is_an_error_of_the_configuration(tmp_path):
    with pytest.raises(ConfigError, match="must be a folder with runs"):
        entries(tmp_path / "missing")
