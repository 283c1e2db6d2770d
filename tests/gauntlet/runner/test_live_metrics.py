"""Merging the live rows of several workers."""

import json

from gauntlet.core.run_directory import RunDir
from gauntlet.runner.live_metrics import FRESH_NS, LiveMetrics, merge_rows


def row(worker, **more):
    """A row of a worker."""
    base = {"t_ns": 10 * FRESH_NS, "worker": worker, "phase": "steady", "connections": 5}
    return {
        **base,
        "sent": 100,
        "lost": 0,
        "outstanding": 2,
        "ack_p99_ms": 3.0,
        "boot": "b",
        **more,
    }


def test_the_row_of_a_single_worker_is_unchanged(tmp_path):
    live = LiveMetrics(RunDir(tmp_path))
    live.read_new()
    assert live.last is None
    (tmp_path / "live.jsonl").write_text(json.dumps(row(0)) + "\n")
    live.read_new()
    assert live.last == row(0)


def test_counts_of_workers_are_summed_and_the_worst_percentile_is_used(tmp_path):
    rows = [row(0, sent=1), row(1, ack_p99_ms=None), row(0, sent=7, lost=1, ack_p99_ms=9.5)]
    (tmp_path / "live.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    live = LiveMetrics(RunDir(tmp_path))
    live.read_new()
    assert live.last["sent"] == 107
    assert (live.last["lost"], live.last["connections"], live.last["workers"]) == (1, 10, 2)
    assert live.last["ack_p99_ms"] == 9.5
    assert "boot" not in live.last


def test_the_run_is_in_the_earliest_phase_of_its_workers():
    assert merge_rows([row(0, phase="steady"), row(1, phase="ramp")])["phase"] == "ramp"
    assert merge_rows([row(0, phase="flushed"), row(1, phase="audit")])["phase"] == "audit"


def test_a_silent_worker_counts_for_messages_but_not_for_connections():
    sums = merge_rows([row(0), row(1, t_ns=10 * FRESH_NS - FRESH_NS - 1)])
    assert (sums["connections"], sums["outstanding"], sums["sent"]) == (5, 2, 200)
    assert sums["workers"] == 1


def test_the_rows_of_several_workers_are_kept_beside_the_sums():
    """Workers write at different times, so the difference of two sums is not a rate."""
    rows = [row(0), row(1), row(2, t_ns=0)]
    assert merge_rows(rows)["rows"] == rows[:2]
