"""Intervals for the difference of two runs, by a block bootstrap over their seconds.

Neighbouring seconds resemble each other (a slow disk is slow for a while), so single seconds must
not be drawn independently: the interval would be far too narrow. Whole blocks of consecutive
seconds are drawn instead, as long as the resemblance lasts.

A run keeps the 50th and 99th percentile and the maximum of each second, but not its samples. The
distribution of a second is taken to be a straight line between these in the logarithm, and the
distribution of a window is the mixture of its seconds. This approximation only decides how wide the
interval is; its centre is the exact difference.

The interval is about these two runs. It does not contain what differs between runs of equal
systems.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.99
SECONDS_MIN = 8  # with fewer, no resemblance of neighbours can be estimated
_DRAWS = 1000
_UNITS_MAX = 400  # of consecutive seconds; a longer series is coarsened to as many
_GRID = 240
_LEAST_MS = 0.01


class Interval(NamedTuple):
    """The bounds of a factor: B is `low` to `high` times A."""

    low: float
    high: float


class Seconds(NamedTuple):
    """The latencies of the seconds of a window: samples, percentiles and maximum of each."""

    samples: Floats
    p50_ms: Floats
    p99_ms: Floats
    max_ms: Floats


def factor_of_means(a: Floats, b: Floats, seed: int = 0) -> Interval | None:
    """Return the interval of mean(b) / mean(a); None if it cannot be estimated."""
    if min(a.size, b.size) < SECONDS_MIN or min(a.mean(), b.mean()) <= 0:
        return None
    generator = np.random.default_rng(seed)
    drawn = []
    for values in (a, b):
        units, lengths = _coarse(values[:, None], np.ones(values.size))
        rates = units[:, 0] / lengths
        weights = _weights(rates, generator)
        means = (weights @ units[:, 0]) / (weights @ lengths)
        if means.min() <= 0:
            return None
        drawn.append(_stretch(rates) * np.log(means / values.mean()))
    return _interval(math.log(float(b.mean() / a.mean())) + drawn[1] - drawn[0])


def factor_of_percentiles(
    a: Seconds, b: Seconds, quantile: float, exact: float, seed: int = 0
) -> Interval | None:
    """Return the interval of a percentile of b, divided by that of a; None if unknown.

    `exact` is this factor as it was measured.
    """
    if min(a.samples.size, b.samples.size) < SECONDS_MIN:
        return None  # before anything is remembered: most windows of faults are this short
    # Different seeds, because the draws of both runs have to be independent.
    drawn_a = _drawn(*(column.tobytes() for column in a), seed=2 * seed)
    drawn_b = _drawn(*(column.tobytes() for column in b), seed=2 * seed + 1)
    if drawn_a is None or drawn_b is None or exact <= 0 or not math.isfinite(exact):
        return None
    return _interval(math.log(exact) + drawn_b.deviations(quantile) - drawn_a.deviations(quantile))


class _Drawn(NamedTuple):
    """The distributions of a window: in each draw (row), and as a whole, over a grid."""

    mixed: Floats
    whole: Floats
    grid: Floats
    stretch: float

    def deviations(self, quantile: float) -> Floats:
        """Return by how much the logarithm of a percentile deviates in each draw."""
        whole = _crossing(self.whole[None, :], self.grid, quantile)
        return self.stretch * (_crossing(self.mixed, self.grid, quantile) - whole)


@lru_cache(maxsize=16)  # the percentiles of a window, and all comparisons with one run, share it
def _drawn(*columns: bytes, seed: int) -> _Drawn | None:
    """Return the draws of the seconds whose columns are given; None if they cannot be drawn."""
    seconds = Seconds(*(np.frombuffer(column, dtype=np.float64) for column in columns))
    generator = np.random.default_rng(seed)
    finite = np.isfinite(seconds.max_ms) & np.isfinite(seconds.p50_ms) & (seconds.samples > 0)
    # A second without samples is one of the window; one with an endless latency has no shape.
    if finite.sum() < SECONDS_MIN or np.isinf(seconds.max_ms).any():
        return None
    kept = Seconds(*(column[finite] for column in seconds))
    grid = np.linspace(
        math.log(max(_LEAST_MS, float(kept.p50_ms.min()) / 4)),
        math.log(max(2 * _LEAST_MS, float(kept.max_ms.max()) * 1.01)),
        _GRID,
    )
    below = _shares_below(kept, grid) * kept.samples[:, None]
    units, samples = _coarse(below, kept.samples)
    typical = np.log(np.maximum(kept.p99_ms, _LEAST_MS))
    coarse, lengths = _coarse(typical[:, None], np.ones(typical.size))
    levels = coarse[:, 0] / lengths
    weights = _weights(levels, generator)
    mixed = (weights @ units) / (weights @ samples)[:, None]
    whole = units.sum(axis=0) / samples.sum()
    return _Drawn(mixed, whole, grid, _stretch(levels))


def _shares_below(seconds: Seconds, grid: Floats) -> Floats:
    """Return the share of the samples of each second (row) below each value of the grid."""
    shares = np.empty((seconds.samples.size, grid.size))
    logs = [np.log(np.maximum(column, _LEAST_MS)) for column in seconds[1:]]
    for row, knots in enumerate(zip(*logs, strict=True)):
        p50, p99, most = knots
        # Below the median the distribution mirrors the part above it, up to a fourth of it.
        least = p50 - max(min(p99 - p50, math.log(4)), 1e-6)
        points = np.maximum.accumulate([least, p50, p99, most]) + np.arange(4) * 1e-9
        shares[row] = np.interp(grid, points, [0.0, 0.5, 0.99, 1.0])
    return shares


def _crossing(shares: Floats, grid: Floats, quantile: float) -> Floats:
    """Return where each row first reaches a share, between the values of the grid."""
    at = np.clip((shares < quantile).sum(axis=1), 1, grid.size - 1)
    rows = np.arange(len(shares))
    low, high = shares[rows, at - 1], shares[rows, at]
    part = np.clip((quantile - low) / np.maximum(high - low, 1e-12), 0, 1)
    crossing: Floats = grid[at - 1] + part * (grid[at] - grid[at - 1])
    return crossing


def _coarse(rows: Floats, lengths: Floats) -> tuple[Floats, Floats]:
    """Return the sums of consecutive rows, so that there are at most `_UNITS_MAX`."""
    each = math.ceil(len(rows) / _UNITS_MAX)
    starts = np.arange(0, len(rows), each)
    return np.add.reduceat(rows, starts, axis=0), np.add.reduceat(lengths, starts)


def _weights(series: Floats, generator: np.random.Generator) -> Floats:
    """Return how often each unit of a series is drawn, for each draw (row)."""
    count = series.size
    length = block_length(series)
    blocks = math.ceil(count / length)
    starts = generator.integers(0, count, (_DRAWS, blocks))
    drawn = (starts[:, :, None] + np.arange(length)) % count  # circular: all are equally likely
    drawn = drawn.reshape(_DRAWS, -1)[:, :count]
    flat = drawn + np.arange(_DRAWS)[:, None] * count
    counted = np.bincount(flat.ravel(), minlength=_DRAWS * count).reshape(_DRAWS, count)
    return counted.astype(np.float64)


def block_length(series: Floats) -> int:
    """Return how many units a block has: three times as far as neighbours resemble each other.

    At least the cube root of the length, which is right for a weak resemblance, and at most a
    quarter, so that draws differ.
    """
    count = int(series.size)
    centred = np.asarray(series - series.mean(), dtype=np.float64)
    variance = float(centred @ centred)
    least, most = math.ceil(math.pow(count, 1 / 3)), max(1, count // 4)
    if variance <= 0:
        return min(least, most)
    limit = 2 / math.sqrt(count)
    lag = 1
    while lag < most and float(centred[:-lag] @ centred[lag:]) / variance > limit:
        lag += 1
    return min(max(least, 3 * (lag - 1)), most)


def _stretch(series: Floats) -> float:
    """Return by how much deviations are stretched, because few blocks show too little of them.

    It is the quantile of Student's distribution, with one degree of freedom less than there are
    blocks, divided by that of the normal distribution (both for 99 %).
    """
    freedom = max(1.0, float(series.size) / block_length(series) - 1)
    normal = 2.576
    student = normal + 4.92 / freedom + 8.83 / freedom**2
    return student / normal


def _interval(logarithms: Floats) -> Interval:
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(logarithms, [outside, 1 - outside])
    return Interval(math.exp(low), math.exp(high))
