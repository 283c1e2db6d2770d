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

from gauntlet.kernel.clock import NS_PER_MS
from scenarios.histogram import Histogram

NAMES = ("response", "service", "lag", "delivery")


class Latencies:
    """One worker's recorders. Times are nanoseconds; histograms count microseconds.

    `record[name]` takes one duration; a clock that stepped back counts as zero. It is a list's own
    `append`, the same for the whole run, so that a hot path may keep it; once a second
    `take_second` counts what has come together.
    """

    def __init__(self) -> None:
        self._run = {name: Histogram() for name in NAMES}
        self._fresh: dict[str, list[int]] = {name: [] for name in NAMES}
        self.record: dict[str, Callable[[int], None]] = {
            name: fresh.append for name, fresh in self._fresh.items()
        }

    def take_second(self) -> dict[str, NDArray[np.int64]]:
        """Every recorder's samples since the last call, sorted, in nanoseconds."""
        return {name: self._take(name) for name in NAMES}

    def write(self, folder: Path, worker: int) -> None:
        """Write `<name>-w<worker>.hdr`: the histogram's own compressed, base64 encoding.

        What was not taken is counted, and is taken by it.
        """
        for name, histogram in self._run.items():
            self._take(name)
            (folder / f"{name}-w{worker}.hdr").write_bytes(histogram.encode())

    def _take(self, name: str) -> NDArray[np.int64]:
        fresh = self._fresh[name]
        taken = np.array(fresh, np.int64)
        fresh.clear()
        taken.sort()
        self._run[name].record(taken)
        return taken


def percentile_ms(ordered_ns: NDArray[np.int64], share: float) -> float | None:
    """The nearest-rank percentile of sorted samples; None where there are none."""
    if not ordered_ns.size:
        return None
    rank = max(0, math.ceil(share * ordered_ns.size) - 1)
    return round(int(ordered_ns[rank]) / NS_PER_MS, 3)
