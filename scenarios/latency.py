"""Latencies: HdrHistograms of the whole run, and exact percentiles of the last second.

- response: intended send → acknowledged (time in the queue included)
- service: first attempt → acknowledged
- lag: intended send → handed to the session: the generator's own lateness
- delivery: intended send → presented

Source: G. Tene's HdrHistogram; intended times avoid what he named coordinated omission.
"""

import math
from pathlib import Path

from hdrh.histogram import HdrHistogram

from gauntlet.kernel.clock import NS_PER_MS

NAMES = ("response", "service", "lag", "delivery")
_NS_PER_US = 1_000
_HOUR_US = 3_600_000_000
_FIGURES = 3


class Latencies:
    """One worker's recorders. Times are nanoseconds; histograms count microseconds."""

    def __init__(self) -> None:
        self._run = {name: HdrHistogram(1, _HOUR_US, _FIGURES) for name in NAMES}
        self._second: dict[str, list[int]] = {name: [] for name in NAMES}

    def add(self, name: str, duration_ns: int) -> None:
        """Record one sample; a clock that stepped back counts as zero."""
        value_us = min(max(duration_ns, 0) // _NS_PER_US, _HOUR_US)
        self._run[name].record_value(value_us)
        self._second[name].append(duration_ns)

    def take_second(self) -> dict[str, list[float]]:
        """Every recorder's samples since the last call, sorted, in milliseconds."""
        taken, self._second = self._second, {name: [] for name in NAMES}
        return {
            name: sorted(sample / NS_PER_MS for sample in samples)
            for name, samples in taken.items()
        }

    def write(self, folder: Path, worker: int) -> None:
        """Write `<name>-w<worker>.hdr`: the histogram's own compressed, base64 encoding."""
        for name, histogram in self._run.items():
            (folder / f"{name}-w{worker}.hdr").write_bytes(histogram.encode())


def percentile(ordered: list[float], share: float) -> float | None:
    """The nearest-rank percentile of sorted samples; None where there are none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)
