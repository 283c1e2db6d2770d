"""Locust's statistics, computed from what load engines report once per second.

Locust normally counts each request through an event and rounds response times to two digits. Here,
ready-made entries are merged once per second, with the buckets of an HdrHistogram as response
times: floats with three significant digits, also below one millisecond. Nothing in Locust is
patched. Workers send each second to the master with compressed histograms; merged there, the
statistics equal those of a single worker that carried the whole load.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

import gevent
from locust.env import Environment
from locust.stats import CSV_STATS_INTERVAL_SEC, RequestStats, StatsEntry, StatsError

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.scenario.private import Private
from gauntlet.scenarios.engine import load_file as loadfile
from gauntlet.scenarios.engine.engine import SecondStats
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin.runtime import csv_export, stats_entry
from gauntlet.scenarios.locust_plugin.runtime.time_series import TimeSeries
from gauntlet.scenarios.metrics.histogram import Histogram

SECOND_MESSAGE = "gauntlet-second"  # a worker sends one to the master every second
SEND = ("SEND", "message")
RECV = ("RECV", "delivery")
_ENTRY_OF_LATENCY = {"response": SEND, "delivery": RECV}


class LatencySummary(NamedTuple):
    """One second of one latency, in milliseconds as Locust counts."""

    histogram: Histogram
    total_ms: float
    min_ms: float
    max_ms: float


class SecondReport(NamedTuple):
    """One second of one worker: its live row, failed ops, and a summary for each latency."""

    row: dict[str, Any]
    rejected: int
    unknown: int
    latencies: dict[str, LatencySummary]

    @classmethod
    def of(cls, second: SecondStats) -> "SecondReport":
        """Summarise a second. Latencies without samples are left out."""
        latencies = {}
        for name, samples_ns in second.samples_ns.items():
            if samples_ns.size:
                histogram = Histogram()
                histogram.record(samples_ns)
                total_ns, min_ns, max_ns = samples_ns.sum(), samples_ns[0], samples_ns[-1]
                latencies[name] = LatencySummary(
                    histogram, *(int(ns) / NS_PER_MS for ns in (total_ns, min_ns, max_ns))
                )
        return cls(second.row, second.rejected, second.unknown, latencies)

    def pack(self) -> dict[str, Any]:
        """Return plain values for a message."""
        latencies = {
            name: [summary.histogram.encode(), *summary[1:]]
            for name, summary in self.latencies.items()
        }
        return {**self._asdict(), "latencies": latencies}

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> "SecondReport":
        """Return the report that `pack` turned into plain values."""
        latencies = {
            name: LatencySummary(Histogram.decode(encoded), *times_ms)
            for name, (encoded, *times_ms) in packed["latencies"].items()
        }
        return cls(**{**packed, "latencies": latencies})


class Statistics:
    """Adds the seconds of all engines to Locust's table and to the time series of the live page.

    `load` is the load under way or the last one; None before the first.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.series = TimeSeries()
        self.load: LoadFile | None = None

    def begin(self, load_file: Path, private: Private | None = None) -> None:
        """Begin a load: nothing of an earlier one is shown any more."""
        self.load = loadfile.read(load_file, private)
        self.series = TimeSeries()

    def add(self, report: SecondReport, ahead_ns: int = 0) -> None:
        """Add one second of one worker.

        `ahead_ns` is how far this process's monotonic clock is ahead of the worker's.
        """
        stats: RequestStats = self._environment.stats
        for latency, (method, name) in _ENTRY_OF_LATENCY.items():
            if latency in report.latencies:
                _extend(stats, _entry(stats, method, name, report.latencies[latency]))
        for outcome, count in (("rejected", report.rejected), ("unknown", report.unknown)):
            if count:
                _extend(stats, _failures(stats, count))
                _error(stats, outcome).occurrences += count
        histograms = {name: summary.histogram for name, summary in report.latencies.items()}
        self.series.add(report.row, histograms, ahead_ns)

    def write_merged_histograms(self) -> None:
        """Write the histograms of all workers together into the run directory."""
        if self.load is not None:
            for name, histogram in self.series.run.items():
                (self.load.run.latency / f"{name}.hdr").write_bytes(histogram.encode())

    def export(self) -> None:
        """With `--csv PREFIX`, write exact tables next to Locust's own."""
        prefix = getattr(self._environment.parsed_options, "csv_prefix", None)
        if prefix and self.series.zero_ns is not None:
            # Locust writes its own tables periodically and not at the end; this wait lets it write
            # the final values.
            gevent.sleep(CSV_STATS_INTERVAL_SEC * 1.1)
            latencies, seconds = csv_export.latency_csv, csv_export.seconds_csv
            Path(f"{prefix}_im_latency.csv").write_text(latencies(self.series), "utf-8")
            Path(f"{prefix}_im_seconds.csv").write_text(seconds(self.series), "utf-8")


def _extend(stats: RequestStats, entry: StatsEntry) -> None:
    stats_entry.entry(stats, entry.name, entry.method).extend(entry)
    stats_entry.total(stats).extend(entry)


def _entry(stats: RequestStats, method: str, name: str, summary: LatencySummary) -> StatsEntry:
    # Locust annotates the times of an entry as int, but floats work as well.
    entry: Any = StatsEntry(stats, name, method)
    edges_ms, counts = summary.histogram.buckets_ms()
    entry.num_requests = summary.histogram.total
    entry.last_request_timestamp = time.time()
    entry.total_response_time = summary.total_ms
    entry.min_response_time = summary.min_ms
    entry.max_response_time = summary.max_ms
    entry.response_times.update(zip(edges_ms.tolist(), counts.tolist(), strict=True))
    entry.num_reqs_per_sec[int(entry.last_request_timestamp)] = entry.num_requests
    return entry  # type: ignore[no-any-return]  # Any because of the floats, see above


def _failures(stats: RequestStats, count: int) -> StatsEntry:
    """Return an entry of failed ops: requests without a time, which affect no percentile."""
    method, name = SEND
    entry = StatsEntry(stats, name, method)
    entry.num_requests = entry.num_none_requests = entry.num_failures = count
    entry.last_request_timestamp = time.time()
    second = int(entry.last_request_timestamp)
    entry.num_reqs_per_sec[second] = entry.num_fail_per_sec[second] = count
    return entry


def _error(stats: RequestStats, outcome: str) -> StatsError:
    key = StatsError.create_key(*SEND, outcome)
    now_s = time.time()
    error = stats.errors.setdefault(key, StatsError(*SEND, outcome, first_seen=now_s))
    error.last_seen = now_s
    return error
