"""The run directory on disk."""

import json
import threading

import pytest

from gauntlet.core import run_directory
from gauntlet.core.errors import ConfigError, HistoryError
from gauntlet.core.run_directory import Journal, RunDir


def test_runs_side_by_side_get_directories_of_their_own(tmp_path):
    """Two runs of the same scenario, seed and second never share a directory."""
    runs = {RunDir.create(tmp_path, "tour", 7).path for _ in range(20)}
    assert len(runs) == 20


def test_a_folder_without_manifest_is_no_run(tmp_path):
    """`gauntlet judge` on any other folder is the user's mistake, exit 4."""
    with pytest.raises(ConfigError, match="no manifest"):
        RunDir.open(tmp_path)


def test_events_of_all_writers_come_in_the_order_of_time(tmp_path):
    """Several processes write events, and a reader sees one timeline."""
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
    """Every row written from eight threads at once can be read again."""
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


def test_a_torn_last_line_is_left_out(tmp_path):
    """A writer killed in mid-row costs that row, not the file."""
    file = tmp_path / "x.jsonl"
    file.write_text('{"a":1}\n{"a":2')
    assert list(run_directory.read_jsonl(file)) == [{"a": 1}]


def test_json_files_are_replaced_whole(tmp_path):
    """A reader never meets half a result, and no temporary file stays."""
    file = tmp_path / "result.json"
    run_directory.write_json(file, {"a": 1})
    run_directory.write_json(file, {"a": 2})
    assert json.loads(file.read_text()) == {"a": 2}
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_manifest_is_a_typed_error(tmp_path, text):
    """Damage is told with the file's name instead of a stack trace."""
    run = RunDir.create(tmp_path, "x", 1)
    run.manifest.write_text(text)
    with pytest.raises(HistoryError, match=r"manifest\.json"):
        run.read_manifest()
