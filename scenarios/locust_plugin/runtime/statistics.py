"""Locust's statistics from the engine's: its table, its CSV, HTML and JSON, on whichever node.

Locust counts each request by an event and keeps times to two digits; here prebuilt entries are
merged once a second, with the buckets of an HdrHistogram as response times: floats, to three
digits, below a millisecond too. Nothing of Locust is patched. Workers ship each second to the
master, histograms compressed; merged there, they are those of one worker that did it all.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC, RequestStats, StatsEntry, StatsError

from gauntlet.core.clock import NS_PER_MS
from gauntlet.scenarios.engine import load_file as loadfile
from gauntlet.scenarios.engine.engine import SecondStats
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin.runtime import csv_export
from gauntlet.scenarios.locust_plugin.runtime.time_series import Board
from gauntlet.scenarios.metrics.histogram import Histogram

SECOND = "gauntlet-second"
SEND = ("SEND", "message")
RECV = ("RECV", "delivery")
_SHOWN = {"response": SEND, "delivery": RECV}


class Lane(NamedTuple):
    """One latency's second; milliseconds, as Locust counts them."""

    histogram: Histogram
    total_ms: float
    min_ms: float
    max_ms: float


class Report(NamedTuple):
    """One worker's second, as it is shipped."""

    row: dict[str, Any]
    rejected: int
    unknown: int
    lanes: dict[str, Lane]

    @classmethod
    def of(cls, second: SecondStats) -> "Report":
        """What is told of a second. Latencies of which there were none are left out."""
        lanes = {}
        for name, samples_ns in second.samples_ns.items():
            if samples_ns.size:
                histogram = Histogram()
                histogram.record(samples_ns)
                total_ns, least_ns, most_ns = samples_ns.sum(), samples_ns[0], samples_ns[-1]
                lanes[name] = Lane(
                    histogram, *(int(ns) / NS_PER_MS for ns in (total_ns, least_ns, most_ns))
                )
        return cls(second.row, second.rejected, second.unknown, lanes)

    def pack(self) -> dict[str, Any]:
        """Plain values, for a message."""
        lanes = {name: [lane.histogram.encode(), *lane[1:]] for name, lane in self.lanes.items()}
        return {**self._asdict(), "lanes": lanes}

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> "Report":
        """The report that was packed."""
        lanes = {
            name: Lane(Histogram.decode(encoded), *times_ms)
            for name, (encoded, *times_ms) in packed["lanes"].items()
        }
        return cls(**{**packed, "lanes": lanes})


class Statistics:
    """Takes the engine's seconds: into Locust's table and our board here, or to the master."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runner: Any = environment.runner
        self.board = Board()
        self.load: LoadFile | None = None
        self.on_row: Callable[[dict[str, Any]], None] = lambda _: None  # told of workers' rows
        self.ahead_ns: Callable[[int], int] = lambda _: 0  # our clock's lead over a worker's
        if isinstance(self._runner, MasterRunner):
            self._runner.register_message(SECOND, self._on_second)

    def begin(self, load_file: str) -> None:
        """A load begins: nothing of an earlier one is shown any more. Workers show nothing."""
        if isinstance(self._runner, WorkerRunner):
            return
        self.load = loadfile.read(Path(load_file))
        self.board = Board()

    def take(self, second: SecondStats) -> None:
        """Show a second here, or have the master show it."""
        report = Report.of(second)
        if isinstance(self._runner, WorkerRunner):
            self._runner.send_message(SECOND, report.pack())
        else:
            self._show(report, 0)

    def finish(self) -> None:
        """The load is over: a master keeps the histograms of all its workers together."""
        if self.load is not None and isinstance(self._runner, MasterRunner):
            for name, histogram in self.board.run.items():
                (self.load.run.latency / f"{name}.hdr").write_bytes(histogram.encode())

    def export(self) -> None:
        """With `--csv PREFIX`: exact tables beside Locust's own, which hold whole numbers."""
        prefix = getattr(self._environment.parsed_options, "csv_prefix", None)
        if prefix and self.board.zero_ns is not None:
            # Locust writes its own every second, and nothing at the end: it shall see the end.
            gevent.sleep(CSV_STATS_INTERVAL_SEC * 1.1)
            Path(f"{prefix}_im_latency.csv").write_text(csv_export.latency_csv(self.board), "utf-8")
            Path(f"{prefix}_im_seconds.csv").write_text(csv_export.seconds_csv(self.board), "utf-8")

    def _on_second(self, environment: Environment, msg: Any, **_: Any) -> None:
        report = Report.unpack(msg.data)
        self._show(report, self.ahead_ns(int(report.row["worker"])))
        self.on_row(report.row)

    def _show(self, report: Report, ahead_ns: int) -> None:
        stats: RequestStats = self._environment.stats
        for name, (method, shown) in _SHOWN.items():
            if name in report.lanes:
                _extend(stats, _entry(stats, method, shown, report.lanes[name]))
        for outcome, count in (("rejected", report.rejected), ("unknown", report.unknown)):
            if count:
                _extend(stats, _failures(stats, count))
                _error(stats, outcome).occurrences += count
        lanes = {name: lane.histogram for name, lane in report.lanes.items()}
        self.board.add(report.row, lanes, ahead_ns)


def _extend(stats: RequestStats, entry: StatsEntry) -> None:
    stats.entries[(entry.name, entry.method)].extend(entry)
    stats.total.extend(entry)


def _entry(stats: RequestStats, method: str, name: str, lane: Lane) -> StatsEntry:
    entry: Any = StatsEntry(stats, name, method)  # its times are annotated int; floats do as well
    edges_ms, counts = lane.histogram.buckets_ms()
    entry.num_requests = lane.histogram.total
    entry.last_request_timestamp = time.time()
    entry.total_response_time = lane.total_ms
    entry.min_response_time = lane.min_ms
    entry.max_response_time = lane.max_ms
    entry.response_times.update(zip(edges_ms.tolist(), counts.tolist(), strict=True))
    entry.num_reqs_per_sec[int(entry.last_request_timestamp)] = entry.num_requests
    return entry  # type: ignore[no-any-return]  # see above


def _failures(stats: RequestStats, count: int) -> StatsEntry:
    """Ops that failed: requests without a time, so that they weigh on no percentile."""
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
