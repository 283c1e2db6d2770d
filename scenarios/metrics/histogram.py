"""An HdrHistogram that records a whole second of samples in one step.

The counts equal those that `HdrHistogram.record_value` would make one by one, and they are written
into the library's own memory, so that encoding (V2, compressed) stays the library's work.

Source: G. Tene's HdrHistogram; the layout of the counts is that of its `_counts_index_for`.
"""

from collections.abc import Sequence

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
FIGURES = 3
_NS_PER_US = 1_000


class Histogram:
    """Durations from zero to one hour, in microseconds, to three significant figures."""

    def __init__(self, hdr: HdrHistogram | None = None) -> None:
        self._hdr = hdr or HdrHistogram(LOWEST_US, HIGHEST_US, FIGURES)
        self._counts = np.frombuffer(self._hdr.counts, np.uint64)

    @classmethod
    def decode(cls, encoded: bytes) -> "Histogram":
        """Return an encoded histogram; ValueError where its limits or figures differ from ours."""
        hdr = HdrHistogram.decode(encoded)
        layout = (hdr.lowest_trackable_value, hdr.highest_trackable_value, hdr.significant_figures)
        expected = (LOWEST_US, HIGHEST_US, FIGURES)
        if layout != expected:
            raise ValueError(f"the histogram has the layout {layout}; expected {expected}")
        return cls(hdr)

    @property
    def total(self) -> int:
        """The number of samples."""
        return int(self._hdr.total_count)

    def record(self, durations_ns: NDArray[np.int64]) -> None:
        """Count samples. Negative ones (a clock stepped back) count as 0, long ones as an hour."""
        if not durations_ns.size:
            return
        values_us = np.clip(durations_ns // _NS_PER_US, 0, HIGHEST_US)
        counts = np.bincount(self._indices(values_us), minlength=len(self._counts))
        self._counts += counts.astype(np.uint64)
        self._update_totals(int(values_us.size), int(values_us.min()), int(values_us.max()))

    def add(self, other: "Histogram") -> None:
        """Add the samples of another histogram, exactly."""
        if other.total:
            self._counts += other._counts  # noqa: SLF001 - of the same class
            hdr = other._hdr  # noqa: SLF001 - same
            self._update_totals(other.total, hdr.min_value, hdr.max_value)

    def buckets_ms(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the upper edges of the buckets that are not empty, in ms, and their counts.

        Both arrays have one element per bucket; edges ascend.
        """
        (indices,) = np.nonzero(self._counts)
        magnitude = self._hdr.sub_bucket_half_count_magnitude
        bucket = np.maximum((indices >> magnitude) - 1, 0)
        sub_bucket = indices - (bucket << magnitude)
        highest_us = ((sub_bucket + 1) << bucket) - 1
        return highest_us / _NS_PER_US, self._counts[indices].astype(np.int64)

    def percentile_ms(self, share: float) -> float | None:
        """Return the value at or below which a share (0 to 1) of the samples lies, in ms.

        None where there are no samples. The result is that of
        `HdrHistogram.get_value_at_percentile`, a thousand times as fast.
        """
        return self.percentiles_ms((share,))[0]

    def percentiles_ms(self, shares: Sequence[float]) -> list[float | None]:
        """Return several percentiles, for which the buckets are read once."""
        if not self.total:
            return [None for _ in shares]
        edges_ms, counts = self.buckets_ms()
        ranks = [max(int(share * self.total + 0.5), 1) for share in shares]
        found = edges_ms[np.searchsorted(np.cumsum(counts), ranks)]
        return [float(edge_ms) for edge_ms in found]

    def encode(self) -> bytes:
        """Return the standard compressed V2 encoding, in base64."""
        return bytes(self._hdr.encode())

    def _update_totals(self, count: int, lowest_us: int, highest_us: int) -> None:
        hdr = self._hdr
        hdr.total_count += count
        hdr.min_value = min(hdr.min_value, lowest_us)
        hdr.max_value = max(hdr.max_value, highest_us)

    def _indices(self, values_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of each value's bucket. Doubles are exact far above an hour in µs."""
        magnitude = self._hdr.sub_bucket_half_count_magnitude
        bits = np.frexp(values_us.astype(np.float64))[1].astype(np.int64)
        bucket = np.maximum(bits - magnitude - 1, 0)
        indices: NDArray[np.int64] = (bucket << magnitude) + (values_us >> bucket)
        return indices
