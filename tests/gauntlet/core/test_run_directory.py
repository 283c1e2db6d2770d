"""Creating, writing, reading and following run directories."""

import json
import os
import threading

import pytest

from gauntlet.core import run_directory
from gauntlet.core.errors import ConfigError, HistoryError
from gauntlet.core.run_directory import Journal, RunDir, Tail


def test_simultaneous_runs_get_different_directories(tmp_path):
    runs = {RunDir.create(tmp_path, "tour", 7).path for _ in range(20)}
    assert len(runs) == 20


def test_a_folder_without_manifest_is_not_a_run_directory(tmp_path):
    with pytest.raises(ConfigError, match="no manifest"):
        RunDir.open(tmp_path)


def test_events_of_all_writers_are_sorted_by_time(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    chaos, load = Journal(run, "chaos"), Journal(run, "load-0")
    load.write("phase", t_ns=20, phase="steady")
    chaos.write("fault", t_ns=10, id="f")
    assert [(row["writer"], row["t_ns"]) for row in run.read_events()] == [
        ("chaos", 10),
        ("load-0", 20),
    ]
    chaos.close()
    load.close()


def test_threads_that_share_a_journal_do_not_mix_their_rows(tmp_path):
    run = RunDir.create(tmp_path, "x", 1)
    journal = Journal(run, "chaos")

    def write_many(writer):
        for number in range(10):
            journal.write("note", by=writer, number=number, filler="x" * 3000)

    threads = [threading.Thread(target=write_many, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    rows = run.read_events()
    assert {(row["by"], row["number"]) for row in rows} == {
        (by, number) for by in range(8) for number in range(10)
    }


def test_an_incomplete_last_line_is_ignored(tmp_path):
    """A writer that is killed while it writes costs one row, not the file."""
    file = tmp_path / "x.jsonl"
    file.write_text('{"a":1}\n{"a":2')
    assert list(run_directory.read_jsonl(file)) == [{"a": 1}]


def test_json_files_are_replaced_without_leaving_a_temporary_file(tmp_path):
    file = tmp_path / "result.json"
    run_directory.write_json(file, {"a": 1})
    run_directory.write_json(file, {"a": 2})
    assert json.loads(file.read_text()) == {"a": 2}
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", ["new", b"new"])
def test_a_link_is_replaced_and_what_it_leads_to_is_not_written_to(tmp_path, content):
    """A run directory can come from others, with a link to a file of the user who judges it."""
    precious = tmp_path / "precious"
    precious.write_text("kept")
    file = tmp_path / "report.html"
    file.symlink_to(precious)
    run_directory.replace(file, content)
    assert (file.is_symlink(), file.read_text(), precious.read_text()) == (False, "new", "kept")


def test_the_temporary_file_is_no_link_either_and_does_not_stay_after_a_failure(tmp_path):
    precious, file = tmp_path / "precious", tmp_path / "r" / "result.json"
    precious.write_text("kept")
    file.mkdir(parents=True)  # so that it cannot be replaced by a file
    temporary = file.with_name(f"result.json.{os.getpid()}.tmp")
    temporary.symlink_to(precious)
    with pytest.raises(OSError, match="directory"):
        run_directory.replace(file, "new")
    assert (list(file.parent.iterdir()), precious.read_text()) == ([file], "kept")


@pytest.mark.parametrize("name", ["events", "history", "latency", "logs", "server"])
def test_a_folder_that_is_a_link_is_not_followed(tmp_path, name):
    run = RunDir.create(tmp_path, "x", 1)
    run_directory.write_json(run.manifest, {})
    (tmp_path / "elsewhere").mkdir()
    if (run.path / name).exists():
        (run.path / name).rmdir()
    (run.path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HistoryError, match=f"{name} must be a folder; got a symbolic link"):
        RunDir.open(run.path)


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_manifest_is_reported_with_its_name(tmp_path, text):
    run = RunDir.create(tmp_path, "x", 1)
    run.manifest.write_text(text)
    with pytest.raises(HistoryError, match=r"manifest\.json"):
        run.read_manifest()


def test_each_complete_row_is_read_once(tmp_path):
    file = tmp_path / "live.jsonl"
    tail = Tail(file)
    assert tail.read_new() == []
    file.write_bytes(b'{"n":1}\n{"n":2}\n{"n"')
    assert tail.read_new() == [{"n": 1}, {"n": 2}]
    assert tail.read_new() == []
    with file.open("ab") as stream:
        stream.write(b":3}\n")
    assert tail.read_new() == [{"n": 3}]
    assert tail.last == {"n": 3}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("blue-green", True),
        ("a1", True),
        ("", False),
        ("Blue", False),
        ("-a", False),
        ("a" * 65, False),
    ],
)
def test_slugs_have_lower_case_letters_digits_and_hyphens(text, good):
    """Names of scenarios and ids of faults become parts of file names."""
    assert run_directory.is_slug(text) is good


def test_a_run_id_contains_scenario_and_seed():
    assert "-tour-7-" in run_directory.run_id("tour", 7)
