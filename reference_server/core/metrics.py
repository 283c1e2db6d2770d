"""Counters, gauges and histograms of one process, served at `/metrics` in Prometheus' text format.

`METRICS` holds the names of all metrics, so that every metric of a process is documented.
"""

import asyncio
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from itertools import accumulate, islice

PREFIX = "im_"
BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_LAG_TICK_S = 0.1
_LAG_TICKS_KEPT = 50
_SUSTAINED_TICKS = 5

# docs/reference/metrics.md describes each of them.
_NAMES = (
    # Every process; then every one but edges.
    "loop_lag_ms tasks connections breaker_open requests_total requests_failed_total "
    "connections_refused_total slow_requests_total "
    # Gateway; message service; room service.
    "request_ms sends_total sheds_total rate_limited_total degraded_total "
    "commits_total rows_total commit_ms publish_ms publish_queue publish_skipped present "
    # Edges.
    "connects_total reconnects_total closes_total forced_closes draining upgrades_refused_total "
    "handshakes handshakes_failed handshake_p99_ms bus_connected pushes repairs "
    "delivery_ms acks_total"
)
METRICS = frozenset(_NAMES.split())


class Metrics:
    """Counters and histograms by name, and gauges that are evaluated when they are read.

    Names must be in `METRICS`; those of counters end in `_total`, those of times in `_ms`. A name
    may have labels in Prometheus' notation: `closes_total{code="1012"}`.
    """

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._gauges: dict[str, Callable[[], float]] = {}
        self._histograms: dict[str, _Histogram] = {}

    def add(self, name: str, amount: int = 1) -> None:
        """Increase a counter."""
        if name not in self.counters:
            _require(name)
        self.counters[name] += amount

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Register a gauge whose value is the result of `read`."""
        _require(name)
        self._gauges[name] = read

    def observe(self, name: str, value_ms: float) -> None:
        """Add a duration to a histogram with the bounds `BUCKETS_MS`."""
        histogram = self._histograms.get(name)
        if histogram is None:
            _require(name)
            histogram = self._histograms[name] = _Histogram()
        histogram.counts[bisect_left(BUCKETS_MS, value_ms)] += 1
        histogram.sum_ms += value_ms

    def values(self) -> dict[str, float]:
        """Return the current values of all counters and gauges."""
        return {**self.counters, **{name: read() for name, read in self._gauges.items()}}

    def render(self) -> str:
        """Return the text that Prometheus scrapes."""
        samples: dict[str, list[str]] = {}
        for name, value in sorted(self.values().items()):
            samples.setdefault(_base(name), []).append(f"{name} {value:.15g}")
        for name, histogram in self._histograms.items():
            samples[name] = histogram.samples(name)
        lines: list[str] = []
        for name, rows in sorted(samples.items()):
            kind = "counter" if name.endswith("_total") else "gauge"
            kind = "histogram" if name in self._histograms else kind
            lines += [f"# TYPE {PREFIX}{name} {kind}", *[PREFIX + row for row in rows]]
        return "\n".join(lines) + "\n"


class _Histogram:
    """Counts of values per bucket; the last bucket has no bound."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0.0

    def samples(self, name: str) -> list[str]:
        """Return the sample lines; Prometheus expects cumulative counts."""
        bounds = [*map(str, BUCKETS_MS), "+Inf"]
        totals = list(accumulate(self.counts))
        rows = zip(bounds, totals, strict=True)
        buckets = [f'{name}_bucket{{le="{bound}"}} {total}' for bound, total in rows]
        return [*buckets, f"{name}_sum {self.sum_ms:.15g}", f"{name}_count {totals[-1]}"]


def _base(name: str) -> str:
    return name.partition("{")[0]


def _require(name: str) -> None:
    if _base(name) not in METRICS:
        raise ValueError(f"unknown metric {name}; METRICS lists the known ones")


def running_tasks() -> int:
    """Return the number of tasks on the running loop that have not ended."""
    return len(asyncio.all_tasks())


class LoopLag:
    """Measures how late the event loop wakes a sleeping task, over the last five seconds."""

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=_LAG_TICKS_KEPT)

    def worst_ms(self) -> float:
        """Return the largest lag in milliseconds."""
        return 1000 * max(self._late_s, default=0.0)

    def sustained_s(self) -> float:
        """Return the smallest recent lag in seconds: a single long pause is not an overload."""
        return min(islice(reversed(self._late_s), _SUSTAINED_TICKS), default=0.0)

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LAG_TICK_S
            await asyncio.sleep(_LAG_TICK_S)
            self._late_s.append(max(0.0, loop.time() - due))
