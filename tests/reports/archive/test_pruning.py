"""Pruning keeps the newest runs, baselines, and what it cannot read or what goes on."""

import pytest

from gauntlet.core import run_lock
from gauntlet.reports.archive import pruning
from gauntlet.reports.archive.listing import entries
from gauntlet.reports.archive.pruning import remove, to_remove

from .saved_runs import save


def chosen(folder, keep, scenario=None):
    return sorted(entry.path.name for entry in to_remove(entries(folder), keep, scenario))


@pytest.mark.parametrize(("keep", "removed"), [(0, ["a", "b", "x"]), (1, ["a"]), (2, []), (99, [])])
def test_each_scenario_keeps_its_newest_runs(tmp_path, keep, removed):
    save(tmp_path, "a", started=1)
    save(tmp_path, "b", started=2)
    save(tmp_path, "x", started=0, scenario="rooms")
    assert chosen(tmp_path, keep) == removed


def test_only_the_runs_of_one_scenario_are_removed_if_it_is_named(tmp_path):
    save(tmp_path, "a")
    save(tmp_path, "x", scenario="rooms")
    assert chosen(tmp_path, 0, "rooms") == ["x"]


def test_a_baseline_is_kept_and_other_labels_do_not_protect(tmp_path):
    save(tmp_path, "a", labelled={"baseline": "2.3"})
    save(tmp_path, "b", labelled={"version": "2.3"})
    assert chosen(tmp_path, 0) == ["b"]


def test_what_is_kept_anyway_does_not_count_among_the_kept(tmp_path):
    save(tmp_path, "a", started=1)
    save(tmp_path, "b", started=2, labelled={"baseline": "yes"})
    assert chosen(tmp_path, 1) == []


def test_running_and_damaged_runs_are_kept(tmp_path):
    save(tmp_path, "a", status=None, age_s=1)
    save(tmp_path, "b").manifest.write_text("{")
    assert chosen(tmp_path, 0) == []


def test_a_run_that_has_begun_to_be_written_since_the_list_is_kept(tmp_path, monkeypatch):
    run = save(tmp_path, "a")
    (entry,) = to_remove(entries(tmp_path), 0)
    monkeypatch.setattr(run_lock, "_WAIT_S", 0.0)
    with run_lock.held(run.path):
        assert not remove(entry)
    assert run.manifest.exists()
    assert remove(entry)
    assert not run.path.exists()


def test_nothing_can_begin_to_write_a_run_between_the_last_look_and_its_removal(
    tmp_path, monkeypatch
):
    save(tmp_path, "a")
    (entry,) = to_remove(entries(tmp_path), 0)
    free = []
    monkeypatch.setattr(
        pruning, "is_being_written", lambda path: free.append(run_lock.is_free(path)) or False
    )
    assert remove(entry)
    assert free == [False]


def test_a_run_that_was_begun_again_without_a_result_is_kept(tmp_path):
    run = save(tmp_path, "a")
    (entry,) = to_remove(entries(tmp_path), 0)
    run.result.unlink()
    assert not remove(entry)
    assert run.manifest.exists()
