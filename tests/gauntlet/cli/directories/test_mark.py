"""`gauntlet mark` writes events; errors name what was given."""

import json

import pytest

from gauntlet.cli.directories import mark
from gauntlet.core import clock
from gauntlet.core.errors import ConfigError, HistoryError
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.core.scenario.model import from_builtins, to_builtins

S = clock.NS_PER_S
FAULTS = [
    {"id": "cut", "kind": "observed", "at": 5, "for": 2},
    {"id": "crash", "kind": "kill", "target": "edge", "at": 5},
]


@pytest.fixture
def run(tmp_path):
    """A run whose ramp began at 100 s on its clock, which was at 1,000,000 s of the epoch."""
    scenario = from_builtins({"version": 1, "name": "x", "about": "x", "faults": FAULTS})
    run = RunDir.make(tmp_path / "r")
    write_json(
        run.manifest,
        {
            "scenario": to_builtins(scenario),
            "clock": {"monotonic_ns": 100 * S, "wall_ns": 1_000_000 * S},
        },
    )
    row = {"t_ns": 100 * S, "kind": "phase", "phase": "ramp"}
    (run.events / "load-0.jsonl").write_text(json.dumps(row) + "\n")
    return run


def marks(run):
    """The marks of a run: id, step and second of the timeline."""
    return [
        (row["id"], row["step"], (row["t_ns"] - 100 * S) / S)
        for row in run.read_events()
        if row["kind"] == "mark"
    ]


def test_a_time_may_be_on_the_timeline_or_of_the_day(run, capsys):
    mark.mark_one(run, "cut", "begin", "12.5s")
    mark.mark_one(run, "switch", "end", "1970-01-12T13:46:53Z")
    assert marks(run) == [("cut", "begin", 12.5), ("switch", "end", 13.0)]
    assert capsys.readouterr().out == "cut: begin at 12.5 s\nswitch: end at 13.0 s\n"


def test_without_a_time_it_is_now(run):
    now = clock.wall_anchor()
    manifest = run.read_manifest() | {"clock": {**now, "monotonic_ns": 100 * S}}
    write_json(run.manifest, manifest)
    mark.mark_one(run, "cut", "begin", None)
    ((_, _, at_s),) = marks(run)
    assert 0 <= at_s < 60


def test_a_file_has_many_times(run, tmp_path):
    (tmp_path / "t.csv").write_text("id,begin,end\ncut,5s,6s\ncut,10s,11s\n")
    mark.mark_file(run, tmp_path / "t.csv")
    assert [row[1:] for row in marks(run)] == [("begin", 5), ("end", 6), ("begin", 10), ("end", 11)]


def test_a_file_may_begin_with_a_byte_order_mark(run, tmp_path):
    """Spreadsheets write one, and carriage returns."""
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfid,begin,end\r\ncut,5s,6s\r\n")
    mark.mark_file(run, tmp_path / "t.csv")
    assert marks(run) == [("cut", "begin", 5), ("cut", "end", 6)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,begin\ncut,5s\n", "2 must have the columns id, begin, end"),
        ("id,begin,end\ncut,5s,soon\n", "got 'soon'"),
        ("id,begin,end\n", "must have rows"),
    ],
)
def test_a_file_with_an_error_marks_nothing(run, tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        mark.mark_file(run, tmp_path / "t.csv")
    assert marks(run) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("crash", "begin", None), "crash, a fault of the kind kill"),
        (("No Slug", "begin", None), "got No Slug"),
        (("cut", None, None), "ID and begin or end"),
        (("cut", "begin", "noon"), "got 'noon'"),
        (("cut", "begin", "0001-01-01T00:00:00"), "within 100 years of the run; got '0001"),
        (("cut", "begin", "9999-12-31T23:59:59-23:59"), "within 100 years of the run; got '9999"),
    ],
)
def test_wrong_marks_are_refused(run, arguments, message):
    with pytest.raises(ConfigError, match=message):
        mark.mark_one(run, *arguments)
    assert marks(run) == []


@pytest.mark.parametrize(
    "damage", [{"scenario": None}, {"clock": None}, {"clock": {}}, {"scenario": {"faults": [1]}}]
)
def test_a_damaged_manifest_is_named(run, damage):
    write_json(run.manifest, run.read_manifest() | damage)
    with pytest.raises(HistoryError, match="cannot be marked, because"):
        mark.mark_one(run, "cut", "begin", "3s")
    assert marks(run) == []


def test_a_judged_run_must_be_judged_again(run, capsys):
    write_json(run.result, {})
    mark.mark_one(run, "cut", "begin", "3s")
    assert "gauntlet judge" in capsys.readouterr().out
