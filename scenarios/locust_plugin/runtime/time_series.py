"""The time series of a run over all workers, as the live page draws it. Pure.

A point describes one second of the run. Its counts are the sums of each worker's latest row up to
that second. Its percentiles come from the workers' merged histograms, so they equal those of a
single worker that carried the whole load.
"""

from collections.abc import Mapping
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.metrics.histogram import Histogram
from gauntlet.scenarios.metrics.latency import NAMES

GAUGES = ("users", "connections", "outstanding", "missing")
COUNTS = (
    *("sent", "missed", "acked", "rejected", "unknown", "delivered", "lost"),
    *("reconnects", "disconnects", "duplicates"),
)
QUANTILES = (0.5, 0.99, 0.999)
_LATENCY_OF_LABEL = {"ack": "response", "delivery": "delivery"}
_SILENT_S = 4  # the gauges of a worker that has been silent for longer are not counted
_LATE_S = 8  # rows that arrive later than this do not change their point any more
_POINTS_MAX = 6 * 3600


class _Second:
    """What has been reported about one second: a row per worker, and the merged histograms."""

    def __init__(self) -> None:
        self.rows: dict[int, Mapping[str, Any]] = {}
        self.histograms: dict[str, Histogram] = {}


def _percentiles_ms(
    second: _Second, latency: str, quantiles: tuple[float, ...]
) -> list[float | None]:
    histogram = second.histograms.get(latency)
    return [None for _ in quantiles] if histogram is None else histogram.percentiles_ms(quantiles)


class TimeSeries:
    """A run so far.

    `zero_ns` is the start of the series, one second before its first row; None before any row.
    `run` holds a histogram of the whole run for each latency.
    """

    def __init__(self) -> None:
        self.zero_ns: int | None = None
        self.phase = ""
        self.run = {name: Histogram() for name in NAMES}
        self._points: dict[int, dict[str, Any]] = {}
        self._recent: dict[int, _Second] = {}
        self._last_row: dict[int, tuple[int, Mapping[str, Any]]] = {}  # by worker, with its second

    def add(
        self, row: Mapping[str, Any], histograms: Mapping[str, Histogram], ahead_ns: int
    ) -> None:
        """Add one second of one worker.

        `ahead_ns` is how far this process's monotonic clock is ahead of the worker's.
        """
        t_ns = int(row["t_ns"]) + ahead_ns
        if self.zero_ns is None:
            self.zero_ns = t_ns - NS_PER_S
        second = max(0, round((t_ns - self.zero_ns) / NS_PER_S))
        for name, histogram in histograms.items():
            self.run[name].add(histogram)
        worker = int(row["worker"])
        if second >= self._last_row.get(worker, (0, {}))[0]:
            self._last_row[worker] = (second, row)
            self.phase = str(row["phase"])
        if second >= max(self._recent, default=0) - _LATE_S:
            reported = self._recent.setdefault(second, _Second())
            reported.rows[worker] = row
            for name, histogram in histograms.items():
                if name in reported.histograms:
                    reported.histograms[name].add(histogram)
                else:  # of the first worker, which nothing else uses any more
                    reported.histograms[name] = histogram
            self._points[second] = self._point(second, reported)
            self._drop_old(max(self._recent))

    def since(self, second: int) -> list[dict[str, Any]]:
        """Return the points from `second` on, in order. The last few may still change."""
        return [self._points[at] for at in sorted(at for at in self._points if at >= second)]

    def reporting(self) -> int:
        """Return how many workers have reported within the last seconds."""
        newest = max((second for second, _ in self._last_row.values()), default=0)
        return sum(newest - second <= _SILENT_S for second, _ in self._last_row.values())

    def _point(self, second: int, reported: _Second) -> dict[str, Any]:
        rows = [
            (
                reported.rows.get(worker, last_row),
                worker in reported.rows or second - last_second <= _SILENT_S,
            )
            for worker, (last_second, last_row) in self._last_row.items()
        ]
        point: dict[str, Any] = {"s": second}
        for name in GAUGES:
            point[name] = sum(row[name] for row, alive in rows if alive)
        for name in COUNTS:
            point[name] = sum(row[name] for row, _ in rows)
        for label, latency in _LATENCY_OF_LABEL.items():
            point[label] = _percentiles_ms(reported, latency, QUANTILES)
        (point["lag"],) = _percentiles_ms(reported, "lag", (0.99,))
        return point

    def _drop_old(self, newest: int) -> None:
        for second in [second for second in self._recent if second < newest - _LATE_S]:
            del self._recent[second]
        for second in [second for second in self._points if second < newest - _POINTS_MAX]:
            del self._points[second]
