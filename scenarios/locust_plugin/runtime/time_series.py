"""What all workers' seconds say together: the table of figures that a live page draws. Pure.

A point is one second of the run. Counts are sums of each worker's last row up to then; percentiles
come from the workers' merged histograms, so they are those of one worker that did it all.
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
SHARES = (0.5, 0.99, 0.999)
_SHOWN = {"ack": "response", "delivery": "delivery"}
_SILENT_S = 4  # a worker that has said nothing for so long holds no connections any more
_LATE_S = 8  # histograms of points older than this are not kept
_POINTS_MAX = 6 * 3600


class _Point:
    """One second: each worker's row, and everybody's latencies."""

    def __init__(self) -> None:
        self.rows: dict[int, Mapping[str, Any]] = {}
        self.lanes: dict[str, Histogram] = {}


class Board:
    """A run so far. `zero_ns` is its start, a second before the first row."""

    def __init__(self) -> None:
        self.zero_ns: int | None = None
        self.phase = ""
        self.run = {name: Histogram() for name in NAMES}
        self._points: dict[int, dict[str, Any]] = {}
        self._recent: dict[int, _Point] = {}
        self._last: dict[int, tuple[int, Mapping[str, Any]]] = {}

    def add(self, row: Mapping[str, Any], lanes: Mapping[str, Histogram], ahead_ns: int) -> None:
        """One worker's second; `ahead_ns` is our monotonic clock's lead over the worker's."""
        t_ns = int(row["t_ns"]) + ahead_ns
        if self.zero_ns is None:
            self.zero_ns = t_ns - NS_PER_S
        at = max(0, round((t_ns - self.zero_ns) / NS_PER_S))
        for name, histogram in lanes.items():
            self.run[name].add(histogram)
        worker = int(row["worker"])
        if at >= self._last.get(worker, (0, {}))[0]:
            self._last[worker] = (at, row)
            self.phase = str(row["phase"])
        if at >= max(self._recent, default=0) - _LATE_S:
            point = self._recent.setdefault(at, _Point())
            point.rows[worker] = row
            for name, histogram in lanes.items():
                point.lanes.setdefault(name, Histogram()).add(histogram)
            self._points[at] = self._figures(at, point)
            self._forget(max(self._recent))

    def since(self, second: int) -> list[dict[str, Any]]:
        """The points from `second` on, in order. The last few may still change."""
        return [self._points[at] for at in sorted(at for at in self._points if at >= second)]

    def reporting(self) -> int:
        """How many workers have been heard of lately."""
        newest = max((at for at, _ in self._last.values()), default=0)
        return sum(newest - at <= _SILENT_S for at, _ in self._last.values())

    def _figures(self, at: int, point: _Point) -> dict[str, Any]:
        rows = [
            (point.rows.get(worker, row), worker in point.rows or at - last <= _SILENT_S)
            for worker, (last, row) in self._last.items()
        ]
        figures: dict[str, Any] = {"s": at}
        for name in GAUGES:
            figures[name] = sum(row[name] for row, alive in rows if alive)
        for name in COUNTS:
            figures[name] = sum(row[name] for row, _ in rows)
        for shown, name in _SHOWN.items():
            lane = point.lanes.get(name, Histogram())
            figures[shown] = [lane.percentile_ms(share) for share in SHARES]
        figures["lag"] = point.lanes.get("lag", Histogram()).percentile_ms(0.99)
        return figures

    def _forget(self, newest: int) -> None:
        for at in [at for at in self._recent if at < newest - _LATE_S]:
            del self._recent[at]
        for at in [at for at in self._points if at < newest - _POINTS_MAX]:
            del self._points[at]
