"""Workers' clocks on one timeline, lost workers, and the workers in the result."""

import json

import numpy as np

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import ZERO
from gauntlet.reports.history import workers
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict.judge import judge

S = 1_000_000_000


def clock(worker, at_ns, offset_ns, error_ns=0):
    """Return a `clock` row as a master writes it."""
    row = {"writer": "load-master", "kind": "clock", "t_ns": at_ns, "worker": worker}
    return {**row, "host": "h", "offset_ns": offset_ns, "error_ns": error_ns}


def test_a_lead_is_interpolated_between_measurements():
    """Before the first and after the last measurement it is constant."""
    clocks = ClockAlignment.from_events(
        [clock(1, 100 * S, 50 * S, 2_000), clock(1, 200 * S, 50 * S + 1_000, 9_000)]
    )
    times = np.array([150, 150 + 50, 250, 400], dtype=np.int64) * S
    assert clocks.lead_ns(1, times).tolist()[0] == 50 * S
    assert abs(clocks.lead_ns(1, times)[1] - (50 * S + 500)) <= 1
    assert clocks.lead_ns(1, times).tolist()[3] == 50 * S + 1_000
    assert clocks.error_ms == 0.009


def test_times_of_workers_on_the_masters_host_are_unchanged():
    clocks = ClockAlignment.from_events([clock(0, 1, 0), clock(0, 9, 0)])
    assert clocks == ClockAlignment()
    rows = [{"writer": "load-0", "t_ns": 5, "kind": "phase"}]
    assert clocks.align_events(rows) is rows


def test_events_of_another_host_are_converted_and_sorted():
    rows = [
        clock(1, 100, 1_000),
        {"writer": "chaos", "t_ns": 300, "kind": "fault"},
        {"writer": "load-1", "t_ns": 1_200, "kind": "phase"},
    ]
    aligned = ClockAlignment.from_events(rows).align_events(rows)
    assert [(row["writer"], row["t_ns"]) for row in aligned[1:]] == [
        ("load-1", 200),
        ("chaos", 300),
    ]


def worker(number, step, message=""):
    """Return a `worker` row as a master writes it."""
    row = {"writer": "load-master", "t_ns": 1, "kind": "worker", "worker": number}
    return {**row, "host": "h", "pid": 7, "step": step, "message": message}


def test_a_worker_is_lost_unless_its_last_row_and_its_reconciliation_are_in_order():
    rows = [
        *(worker(number, "joined") for number in range(4)),
        worker(0, "lost", "Worker 0 (h, pid 7) was lost at 2.0 s"),
        worker(0, "back"),
        worker(0, "whole"),
        worker(1, "lost", "Worker 1 (h, pid 7) was lost at 3.0 s"),
        worker(2, "lost", "Worker 2 (h, pid 7) was lost at 9.0 s: its files did not come"),
    ]
    assert workers.lost_workers(rows, {0, 2}) == {
        1: "Worker 1 (h, pid 7) was lost at 3.0 s",
        2: "Worker 2 (h, pid 7) was lost at 9.0 s: its files did not come",
        3: "Worker 3 (h, pid 7) did not reconcile",
    }


def test_a_run_without_worker_rows_has_no_lost_workers():
    """Runs in one process, and of older versions, have no such rows."""
    assert workers.lost_workers([{"kind": "phase"}], {0}) == {}


def test_the_fates_of_all_lost_workers_are_one_phrase():
    assert workers.describe({1: "Worker 1 was lost", 3: "Worker 3 did not reconcile"}) == (
        "Worker 1 was lost; Worker 3 did not reconcile"
    )


def test_the_result_has_a_row_for_each_worker():
    rows = [
        *(worker(number, "joined", f"Worker {number} takes part") for number in (1, 0)),
        *(clock(0, 1, 0), clock(1, 2, 1_000_000, 200_000), clock(1, 9, 3_000_000, 100_000)),
        worker(1, "lost", "Worker 1 (h, pid 7) was lost at 3.0 s"),
        worker(1, "back", "Worker 1 (h, pid 7) is back"),
        worker(1, "whole", "Worker 1 (h, pid 7) has ended in order"),
    ]
    first, second = workers.worker_table(rows, workers.lost_workers(rows, {1}))
    assert (first["worker"], first["state"]) == (0, "lost")
    assert first["sentence"] == "Worker 0 (h, pid 7) did not reconcile"
    assert (first["offset_ms"], first["error_ms"]) == (0, 0)
    assert second == {
        "worker": 1,
        "host": "h",
        "pid": 7,
        "state": "whole",
        "sentence": "Worker 1 (h, pid 7) has ended in order",
        "offset_ms": 3.0,
        "error_ms": 0.1,
    }


def test_the_offset_of_a_clock_without_measurements_is_none():
    (found,) = workers.worker_table([worker(0, "joined", "Worker 0 takes part")], {})
    assert (found["offset_ms"], found["error_ms"]) == (None, None)


def test_result_and_report_contain_the_workers(written):
    run = written(good_story(1))
    assert judge(run)["workers"] == []
    rows = [
        *(worker(number, "joined", "takes part") for number in (0, 1)),
        clock(1, ZERO, 2_000_000, 500_000),
        worker(1, "lost", "Worker 1 (h, pid 7) was lost at 3.0 s"),
    ]
    lines = (json.dumps({**row, "t_ns": ZERO}) + "\n" for row in rows)
    (run.events / "load-master.jsonl").write_text("".join(lines))
    result = judge(run)
    assert [row["state"] for row in result["workers"]] == ["whole", "lost"]
    render(run, result)
    page = run.report.read_text()
    assert "2 workers, 1 of them lost; the clock of worker 1 (h) was 2.000 ms ahead of" in page
