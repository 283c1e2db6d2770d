"""An HdrHistogram that takes a whole second of samples in one step.

The counts are those that `HdrHistogram.record_value` would have made one by one, in its own
memory, so that what it encodes (V2, compressed) and computes stays its own business.

Source: G. Tene's HdrHistogram; the layout of its counts is that of `_counts_index_for`.
"""

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
FIGURES = 3
_NS_PER_US = 1_000


class Histogram:
    """Durations from zero to an hour, in microseconds, to three significant figures."""

    def __init__(self, hdr: HdrHistogram | None = None) -> None:
        self._hdr = hdr or HdrHistogram(LOWEST_US, HIGHEST_US, FIGURES)
        self._counts = np.frombuffer(self._hdr.counts, np.uint64)

    @classmethod
    def decode(cls, encoded: bytes) -> "Histogram":
        """One that was encoded; ValueError where it is of other limits or figures."""
        hdr = HdrHistogram.decode(encoded)
        theirs = (hdr.lowest_trackable_value, hdr.highest_trackable_value, hdr.significant_figures)
        if theirs != (LOWEST_US, HIGHEST_US, FIGURES):
            raise ValueError(f"a histogram of other limits: {theirs}")
        return cls(hdr)

    @property
    def total(self) -> int:
        """How many samples it holds."""
        return int(self._hdr.total_count)

    def record(self, durations_ns: NDArray[np.int64]) -> None:
        """Count samples. Below zero (a clock that stepped back) is zero, above an hour an hour."""
        if not durations_ns.size:
            return
        values_us = np.clip(durations_ns // _NS_PER_US, 0, HIGHEST_US)
        counts = np.bincount(self._indices(values_us), minlength=len(self._counts))
        self._counts += counts.astype(np.uint64)
        self._grow(int(values_us.size), int(values_us.min()), int(values_us.max()))

    def add(self, other: "Histogram") -> None:
        """Count the other's samples too, exactly."""
        if other.total:
            self._counts += other._counts  # noqa: SLF001 - of the same class
            hdr = other._hdr  # noqa: SLF001 - same
            self._grow(other.total, hdr.min_value, hdr.max_value)

    def buckets_ms(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The upper edges of the counts that are not zero, in milliseconds, and those counts."""
        (at,) = np.nonzero(self._counts)
        magnitude = self._hdr.sub_bucket_half_count_magnitude
        bucket = np.maximum((at >> magnitude) - 1, 0)
        within = at - (bucket << magnitude)
        highest_us = ((within + 1) << bucket) - 1
        return highest_us / _NS_PER_US, self._counts[at].astype(np.int64)

    def percentile_ms(self, share: float) -> float | None:
        """The value at or below which this share of the samples lies; None where there are none.

        It is what `HdrHistogram.get_value_at_percentile` answers, a thousand times as fast.
        """
        if not self.total:
            return None
        edges_ms, counts = self.buckets_ms()
        rank = max(int(share * self.total + 0.5), 1)
        return float(edges_ms[int(np.searchsorted(np.cumsum(counts), rank))])

    def encode(self) -> bytes:
        """The standard compressed V2 encoding, in base64."""
        return bytes(self._hdr.encode())

    def _grow(self, count: int, lowest_us: int, highest_us: int) -> None:
        hdr = self._hdr
        hdr.total_count += count
        hdr.min_value = min(hdr.min_value, lowest_us)
        hdr.max_value = max(hdr.max_value, highest_us)

    def _indices(self, values_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where in the counts each value belongs. A double is exact far above an hour."""
        magnitude = self._hdr.sub_bucket_half_count_magnitude
        bits = np.frexp(values_us.astype(np.float64))[1].astype(np.int64)
        bucket = np.maximum(bits - magnitude - 1, 0)
        indices: NDArray[np.int64] = (bucket << magnitude) + (values_us >> bucket)
        return indices
