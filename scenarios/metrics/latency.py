"""Latencies: HdrHistograms of the whole run, and exact percentiles of the last second.

- response: intended send → acknowledged (time in the queue included)
- service: first attempt → acknowledged
- lag: intended send → handed to the session: the generator's own lateness
- delivery: intended send → presented

Source: G. Tene's HdrHistogram; intended times avoid what he named coordinated omission.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gauntlet.core.clock import NS_PER_MS
from gauntlet.scenarios.metrics.histogram import Histogram

NAMES = ("response", "service", "lag", "delivery")
_MANY = 2_000  # samples of which counting takes longer than setting out to count


class Latencies:
    """One worker's recorders. Times are nanoseconds; histograms count microseconds.

    `record[name]` takes one duration; a clock that stepped back counts as zero. It is a list's own
    `append`, the same for the whole run, so that a hot path may keep it. Who calls `count` every
    now and then spreads the work: a second's at once would be a pause, felt by every send in it.
    """

    def __init__(self) -> None:
        self._run = {name: Histogram() for name in NAMES}
        self._fresh: dict[str, list[int]] = {name: [] for name in NAMES}
        self.record: dict[str, Callable[[int], None]] = {
            name: fresh.append for name, fresh in self._fresh.items()
        }
        self._counted: dict[str, list[NDArray[np.int64]]] = {name: [] for name in NAMES}

    def count(self) -> None:
        """Count what has come together, where that is much."""
        for name, fresh in self._fresh.items():
            if len(fresh) >= _MANY:
                self._count(name)

    def take_second(self) -> dict[str, NDArray[np.int64]]:
        """Every recorder's samples since the last call, sorted, in nanoseconds."""
        return {name: self._take(name) for name in NAMES}

    def write(self, folder: Path, worker: int) -> None:
        """Write `<name>-w<worker>.hdr`: the histogram's own compressed, base64 encoding."""
        for name, histogram in self._run.items():
            self._count(name)
            (folder / f"{name}-w{worker}.hdr").write_bytes(histogram.encode())

    def _take(self, name: str) -> NDArray[np.int64]:
        self._count(name)
        parts, self._counted[name] = self._counted[name], []
        # The stable sort merges runs that are in order: a tenth of what sorting takes.
        return np.sort(np.concatenate(parts), kind="stable")

    def _count(self, name: str) -> None:
        fresh = self._fresh[name]
        counted = np.array(fresh, np.int64)
        fresh.clear()
        counted.sort()
        self._run[name].record(counted)
        self._counted[name].append(counted)


def percentile_ms(ordered_ns: NDArray[np.int64], share: float) -> float | None:
    """The nearest-rank percentile of sorted samples; None where there are none."""
    if not ordered_ns.size:
        return None
    rank = max(0, math.ceil(share * ordered_ns.size) - 1)
    return round(int(ordered_ns[rank]) / NS_PER_MS, 3)
