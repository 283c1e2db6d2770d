"""The workers' live rows as one."""

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


def test_one_worker_is_shown_as_it_is(tmp_path):
    """Nothing is made of a single row."""
    live = LiveMetrics(RunDir(tmp_path))
    live.read_new()
    assert live.last is None
    (tmp_path / "live.jsonl").write_text(json.dumps(row(0)) + "\n")
    live.read_new()
    assert live.last == row(0)


def test_counts_are_summed_and_the_worst_percentile_is_shown(tmp_path):
    """Each worker counts once, by its last row."""
    rows = [row(0, sent=1), row(1, ack_p99_ms=None), row(0, sent=7, lost=1, ack_p99_ms=9.5)]
    (tmp_path / "live.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    live = LiveMetrics(RunDir(tmp_path))
    live.read_new()
    assert live.last["sent"] == 107
    assert (live.last["lost"], live.last["connections"], live.last["workers"]) == (1, 10, 2)
    assert live.last["ack_p99_ms"] == 9.5
    assert "boot" not in live.last


def test_the_run_is_in_the_earliest_phase_of_its_workers():
    """The load is steady until nobody is connecting any more."""
    assert merge_rows([row(0, phase="steady"), row(1, phase="ramp")])["phase"] == "ramp"
    assert merge_rows([row(0, phase="flushed"), row(1, phase="audit")])["phase"] == "audit"


def test_a_silent_worker_has_no_connections_but_has_sent_what_it_sent():
    """Who died does not stay connected on the screen."""
    sums = merge_rows([row(0), row(1, t_ns=10 * FRESH_NS - FRESH_NS - 1)])
    assert (sums["connections"], sums["outstanding"], sums["sent"]) == (5, 2, 200)
    assert sums["workers"] == 1


def test_several_workers_rows_stay_at_hand():
    """Each worker writes when it does: the step from one sum to the next is no rate."""
    rows = [row(0), row(1), row(2, t_ns=0)]
    assert merge_rows(rows)["rows"] == rows[:2]
