"""The table of figures over all workers."""

import numpy as np
import pytest

from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS, GAUGES, Board
from gauntlet.scenarios.metrics.histogram import Histogram

S = 1_000_000_000
MS = 1_000_000


def row(worker, second, **figures):
    """A worker's live row at a second of its clock."""
    plain = dict.fromkeys((*GAUGES, *COUNTS), 0)
    return {"t_ns": 100 * S + second * S, "worker": worker, "phase": "steady", **plain, **figures}


def lane(*values_ms):
    """A histogram of these milliseconds."""
    made = Histogram()
    made.record(np.array(values_ms, np.int64) * MS)
    return made


def test_workers_seconds_are_added_up():
    """Counts are sums, and percentiles those of all samples together."""
    board = Board()
    board.add(row(0, 1, acked=5, connections=2), {"response": lane(1, 2, 3)}, 0)
    board.add(row(1, 1, acked=7, connections=3), {"response": lane(4, 5)}, 0)
    (point,) = board.since(0)
    assert (point["s"], point["acked"], point["connections"]) == (1, 12, 5)
    assert point["ack"][0] == pytest.approx(3, rel=0.001)
    assert point["ack"][2] == pytest.approx(5, rel=0.001)
    assert point["delivery"] == [None, None, None]
    assert board.run["response"].total == 5


def test_a_worker_that_is_late_counts_as_it_was():
    """Until its row comes, its last one stands for it; then the point is put right."""
    board = Board()
    board.add(row(0, 1, acked=1), {}, 0)
    board.add(row(1, 1, acked=10), {}, 0)
    board.add(row(0, 2, acked=2), {}, 0)
    assert board.since(2)[0]["acked"] == 12
    board.add(row(1, 2, acked=20), {}, 0)
    assert board.since(2)[0]["acked"] == 22


def test_a_silent_worker_holds_no_connections():
    """What it did stays counted; what it holds is no longer known, and it is not reporting."""
    board = Board()
    board.add(row(0, 1, acked=1, connections=4), {}, 0)
    for second in range(1, 8):
        board.add(row(1, second, acked=second, connections=2), {}, 0)
    assert [point["connections"] for point in board.since(0)] == [6, 6, 6, 6, 6, 2, 2]
    assert board.since(7)[0]["acked"] == 8
    assert board.reporting() == 1


def test_clocks_of_other_hosts_are_put_on_ours():
    """Two workers whose clocks are an hour apart report the same second."""
    board = Board()
    board.add(row(0, 1), {}, 0)
    board.add(row(1, 1) | {"t_ns": 3700 * S}, {}, (101 - 3700) * S)
    assert [point["s"] for point in board.since(0)] == [1]


def test_what_comes_far_too_late_still_counts_in_the_whole():
    """A point of long ago is not drawn anew, but no sample is lost."""
    board = Board()
    board.add(row(0, 1, acked=3), {}, 0)
    board.add(row(0, 60, acked=9), {}, 0)
    board.add(row(1, 2, acked=3), {"lag": lane(1)}, 0)
    assert [point["s"] for point in board.since(0)] == [1, 60]
    assert board.run["lag"].total == 1


def test_only_new_points_are_asked_for():
    """A page fetches what it does not have."""
    board = Board()
    for second in range(1, 6):
        board.add(row(0, second), {}, 0)
    assert [point["s"] for point in board.since(4)] == [4, 5]
