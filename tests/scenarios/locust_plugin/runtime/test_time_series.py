"""The time series of a run over all workers."""

import numpy as np
import pytest

from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS, GAUGES, TimeSeries
from gauntlet.scenarios.metrics.histogram import Histogram

S = 1_000_000_000
MS = 1_000_000


def row(worker, second, **figures):
    """A worker's live row at a second of its clock."""
    zeros = dict.fromkeys((*GAUGES, *COUNTS), 0)
    return {"t_ns": 100 * S + second * S, "worker": worker, "phase": "steady", **zeros, **figures}


def histogram(*values_ms):
    """A histogram of values in milliseconds."""
    recorded = Histogram()
    recorded.record(np.array(values_ms, np.int64) * MS)
    return recorded


def test_a_point_adds_up_the_counts_and_samples_of_all_workers():
    series = TimeSeries()
    series.add(row(0, 1, acked=5, connections=2), {"response": histogram(1, 2, 3)}, 0)
    series.add(row(1, 1, acked=7, connections=3), {"response": histogram(4, 5)}, 0)
    (point,) = series.since(0)
    assert (point["s"], point["acked"], point["connections"]) == (1, 12, 5)
    assert point["ack"][0] == pytest.approx(3, rel=0.001)
    assert point["ack"][2] == pytest.approx(5, rel=0.001)
    assert point["delivery"] == [None, None, None]
    assert series.run["response"].total == 5


def test_the_last_row_of_a_worker_counts_until_its_next_one_arrives():
    series = TimeSeries()
    series.add(row(0, 1, acked=1), {}, 0)
    series.add(row(1, 1, acked=10), {}, 0)
    series.add(row(0, 2, acked=2), {}, 0)
    assert series.since(2)[0]["acked"] == 12
    series.add(row(1, 2, acked=20), {}, 0)
    assert series.since(2)[0]["acked"] == 22


def test_a_silent_worker_has_no_connections():
    """Its counts stay; its gauges are no longer known, and it is not reporting."""
    series = TimeSeries()
    series.add(row(0, 1, acked=1, connections=4), {}, 0)
    for second in range(1, 8):
        series.add(row(1, second, acked=second, connections=2), {}, 0)
    assert [point["connections"] for point in series.since(0)] == [6, 6, 6, 6, 6, 2, 2]
    assert series.since(7)[0]["acked"] == 8
    assert series.reporting() == 1


def test_times_of_other_hosts_are_converted_to_this_clock():
    """Two workers whose clocks are an hour apart report the same second."""
    series = TimeSeries()
    series.add(row(0, 1), {}, 0)
    series.add(row(1, 1) | {"t_ns": 3700 * S}, {}, (101 - 3700) * S)
    assert [point["s"] for point in series.since(0)] == [1]


def test_a_very_late_row_counts_in_the_run_but_changes_no_point():
    series = TimeSeries()
    series.add(row(0, 1, acked=3), {}, 0)
    series.add(row(0, 60, acked=9), {}, 0)
    series.add(row(1, 2, acked=3), {"lag": histogram(1)}, 0)
    assert [point["s"] for point in series.since(0)] == [1, 60]
    assert series.run["lag"].total == 1


def test_a_page_can_fetch_only_the_points_that_it_does_not_have():
    series = TimeSeries()
    for second in range(1, 6):
        series.add(row(0, second), {}, 0)
    assert [point["s"] for point in series.since(4)] == [4, 5]
