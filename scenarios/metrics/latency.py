"""Latencies: HdrHistograms of the whole run, and exact percentiles of the last second.

- response: intended send → acknowledged (time in the queue included)
- service: first attempt → acknowledged
- lag: intended send → handed to the session: the generator's own delay
- delivery: intended send → presented

Source: G. Tene's HdrHistogram. Counting from the intended time avoids what Tene called coordinated
omission.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gauntlet.core.clock import NS_PER_MS
from gauntlet.scenarios.metrics.histogram import Histogram

NAMES = ("response", "service", "lag", "delivery")
_NOTHING = np.array([], np.int64)
_BATCH_MIN = 2_000  # with fewer samples, the fixed cost of counting a batch prevails


class Latencies:
    """The latency recorders of one worker. Times are nanoseconds; histograms count microseconds.

    `record[name]` takes one duration; a negative one (a clock stepped back) counts as zero. It is
    the `append` method of a list and stays the same for the whole run, so that a hot path may hold
    it. Calling `count_batches` several times a second spreads the work: counting a whole second of
    samples in one go would pause the engine and delay every send meanwhile.
    """

    def __init__(self) -> None:
        self._histograms = {name: Histogram() for name in NAMES}
        self._samples_ns: dict[str, list[int]] = {name: [] for name in NAMES}  # not yet counted
        self.record: dict[str, Callable[[int], None]] = {
            name: samples_ns.append for name, samples_ns in self._samples_ns.items()
        }
        # By name: the batches of the current second, each of them sorted.
        self._batches_ns: dict[str, list[NDArray[np.int64]]] = {name: [] for name in NAMES}

    def count_batches(self) -> None:
        """Count the new samples of every recorder that has many."""
        for name, samples_ns in self._samples_ns.items():
            if len(samples_ns) >= _BATCH_MIN:
                self._count(name)

    def take_second(self) -> dict[str, NDArray[np.int64]]:
        """Return every recorder's samples since the last call, sorted, in nanoseconds."""
        return {name: self._take(name) for name in NAMES}

    def write(self, folder: Path, worker: int) -> None:
        """Write `<name>-w<worker>.hdr` for every recorder, in the compressed base64 encoding."""
        for name, histogram in self._histograms.items():
            self._count(name)
            (folder / f"{name}-w{worker}.hdr").write_bytes(histogram.encode())

    def _take(self, name: str) -> NDArray[np.int64]:
        self._count(name)
        batches_ns, self._batches_ns[name] = self._batches_ns[name], []
        if not batches_ns:
            return _NOTHING
        # The stable sort merges the sorted batches, which takes a tenth of the time of sorting.
        return np.sort(np.concatenate(batches_ns), kind="stable")

    def _count(self, name: str) -> None:
        samples_ns = self._samples_ns[name]
        if not samples_ns:
            return
        batch_ns = np.array(samples_ns, np.int64)
        samples_ns.clear()
        batch_ns.sort()
        self._histograms[name].record(batch_ns)
        self._batches_ns[name].append(batch_ns)


def percentile_ms(sorted_ns: NDArray[np.int64], share: float) -> float | None:
    """Return the nearest-rank percentile of sorted samples in ms; None where there are none."""
    if not sorted_ns.size:
        return None
    rank = max(0, math.ceil(share * sorted_ns.size) - 1)
    return round(int(sorted_ns[rank]) / NS_PER_MS, 3)
