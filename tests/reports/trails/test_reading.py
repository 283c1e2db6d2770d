"""Damaged, unfinished and foreign trails count as none, each with its reason in one line."""

import json
import os

import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.reports.trails.reading import Intervals, read_trails

from .server_files import write_file

HEAD = {"row": "process", "name": "message-1", "services": ["message"], "pid": 11, "full": []}
STARTED = {"t_ns": 1, "kind": "component", "component": "message-1", "event": "started", "pid": 11}
COMMITTED = {"row": "committed", "conv": "d.a.b", "seqs": [[1, 3], [5, 5]]}


@pytest.fixture
def run(tmp_path):
    """Return a run directory with an empty folder of trails."""
    (tmp_path / "server").mkdir()
    return RunDir(tmp_path)


def test_intervals_contain_their_bounds_and_nothing_between_them():
    intervals = Intervals([[2, 3], [5, 5]])
    assert [seq for seq in range(8) if seq in intervals] == [2, 3, 5]


def test_a_process_is_joined_with_its_trail_by_name_and_pid(run):
    write_file(run.server / "a.jsonl", HEAD, [COMMITTED])
    again = {**STARTED, "t_ns": 9, "pid": 12}
    killed = {**STARTED, "t_ns": 5, "event": "killed"}
    first, second = read_trails(run, [STARTED, killed, again]).lives
    assert first.trail.has("committed", ("d.a.b",), 5)
    assert not first.trail.has("committed", ("d.a.b",), 4)
    assert (first.from_ns, first.to_ns, first.ended) == (0, 5, "killed")
    assert (second.from_ns, second.trail) == (5, None)


def test_a_run_without_trails_has_none(run, tmp_path):
    assert read_trails(run, [STARTED]) is None
    (tmp_path / "server").rmdir()
    assert read_trails(run, [STARTED]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}\n",
        "[1]\n",
        json.dumps(HEAD) + "\n",
        json.dumps(HEAD) + "\n" + json.dumps({"row": "end", "rows": 9}) + "\n",
        json.dumps({**HEAD, "pid": "x"}) + "\n" + json.dumps({"row": "end", "rows": 2}) + "\n",
        json.dumps(HEAD) + '\n{"row": "committed", "conv": "c", "seqs": 7}\n',
        "[" * 100_000 + "\n",
    ],
)
def test_a_damaged_file_counts_as_none_and_is_named(run, text):
    (run.server / "message-1-11.jsonl").write_text(text)
    found = read_trails(run, [STARTED])
    assert [life.trail for life in found.lives] == [None]
    (reason,) = found.damaged
    assert reason.startswith("message-1-11.jsonl cannot be read: ")
    assert "\n" not in reason


def test_links_and_special_files_are_not_followed(run, tmp_path):
    write_file(tmp_path / "elsewhere.jsonl", HEAD, [COMMITTED])
    (run.server / "link.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    os.mkfifo(run.server / "pipe.jsonl")
    found = read_trails(run, [STARTED])
    assert len(found.damaged) == 2
    assert found.lives[0].trail is None
