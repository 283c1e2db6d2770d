"""The exact CSV tables of a run."""

import csv

import numpy as np

from gauntlet.scenarios.locust_plugin.runtime import csv_export
from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS, GAUGES, TimeSeries
from gauntlet.scenarios.metrics.histogram import Histogram


def series_of_two_seconds():
    """A series whose second point has no deliveries."""
    series = TimeSeries()
    histogram = Histogram()
    histogram.record(np.array([412_000, 1_500_000], np.int64))
    row = {"worker": 0, "phase": "steady", **dict.fromkeys((*GAUGES, *COUNTS), 3)}
    series.add(row | {"t_ns": 10**9}, {"response": histogram, "delivery": histogram}, 0)
    series.add(row | {"t_ns": 2 * 10**9, "acked": 7}, {"response": histogram}, 0)
    return series


def test_percentiles_of_the_run_have_microsecond_resolution():
    """They are not truncated to whole milliseconds; a latency without samples has none."""
    table = csv_export.latency_csv(series_of_two_seconds())
    rows = {row["latency"]: row for row in csv.DictReader(table.splitlines())}
    assert (rows["response"]["samples"], rows["delivery"]["samples"]) == ("4", "2")
    assert (rows["response"]["p50_ms"], rows["response"]["p99.9_ms"]) == ("0.412", "1.500")
    assert (rows["lag"]["samples"], rows["lag"]["p50_ms"]) == ("0", "")


def test_every_second_has_a_row_with_its_counts_and_latencies():
    table = csv_export.seconds_csv(series_of_two_seconds())
    first, second = csv.DictReader(table.splitlines())
    assert (first["second"], first["acked"], first["delivery_p50_ms"]) == ("1", "3", "0.412")
    assert (second["second"], second["acked"], second["delivery_p50_ms"]) == ("2", "7", "")
