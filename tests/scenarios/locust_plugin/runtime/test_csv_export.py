"""Exact tables of a run."""

import csv

import numpy as np

from gauntlet.scenarios.locust_plugin.runtime import csv_export
from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS, GAUGES, Board
from gauntlet.scenarios.metrics.histogram import Histogram


def board():
    """A board of two seconds, of which the second had no deliveries."""
    made = Board()
    lane = Histogram()
    lane.record(np.array([412_000, 1_500_000], np.int64))
    row = {"worker": 0, "phase": "steady", **dict.fromkeys((*GAUGES, *COUNTS), 3)}
    made.add(row | {"t_ns": 10**9}, {"response": lane, "delivery": lane}, 0)
    made.add(row | {"t_ns": 2 * 10**9, "acked": 7}, {"response": lane}, 0)
    return made


def test_percentiles_of_the_run_are_to_the_microsecond():
    """Nothing is cut to whole milliseconds; a latency without samples has none."""
    rows = {
        row["latency"]: row for row in csv.DictReader(csv_export.latency_csv(board()).splitlines())
    }
    assert (rows["response"]["samples"], rows["delivery"]["samples"]) == ("4", "2")
    assert (rows["response"]["p50_ms"], rows["response"]["p99.9_ms"]) == ("0.412", "1.500")
    assert (rows["lag"]["samples"], rows["lag"]["p50_ms"]) == ("0", "")


def test_every_second_has_its_row():
    """Counts as they stood, and that second's own latencies."""
    first, second = csv.DictReader(csv_export.seconds_csv(board()).splitlines())
    assert (first["second"], first["acked"], first["delivery_p50_ms"]) == ("1", "3", "0.412")
    assert (second["second"], second["acked"], second["delivery_p50_ms"]) == ("2", "7", "")
