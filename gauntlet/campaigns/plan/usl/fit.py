"""Fits the Universal Scalability Law to measured throughputs. Pure.

    X(N) = γ N / (1 + α (N − 1) + β N (N − 1))

γ is the throughput of one, α the share that is serial, and β the cost of keeping each two
consistent, which makes the throughput fall beyond the peak at N* = √((1 − α) / β). Source: N. J.
Gunther, "Guerrilla Capacity Planning", 2007, chapter 4.

N / X is linear in 1/γ, α/γ and β/γ, so the fit is a linear least-squares problem with bounds.
Errors of X are taken as proportional to it; weights from the fit itself make the residuals
relative. The interval of the peak is a profile interval: for each possible peak the best fit with
that peak is compared with the best of all, by an F-test.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gauntlet.campaigns.gate.comparing.student import quantile

Array = NDArray[np.float64]

CONFIDENCE = 0.9
LEVELS_MIN = 6
_PARAMETERS = 3
_WEIGHTINGS = 4
# A peak so many times beyond the data is as good as none.
_FAR = 1_000.0
_PEAKS = 600
_TINY = 1e-300


class Fit(NamedTuple):
    """The parameters, with the relative error of a measurement that the fit leaves unexplained."""

    gamma: float
    alpha: float
    beta: float
    error: float

    @property
    def peak(self) -> float:
        """The number at which the throughput is highest; infinite if it never falls.

        Below 1 the law means nothing: a throughput that falls from the beginning has its peak at 1.
        """
        if self.beta <= 0:
            return float("inf")
        return max(1.0, float(np.sqrt(max(0.0, 1 - self.alpha) / self.beta)))

    def throughput(self, n: Array) -> Array:
        """Return the fitted throughput."""
        return self.gamma * n / (1 + self.alpha * (n - 1) + self.beta * n * (n - 1))


def fit(n: Array, throughput: Array) -> Fit:
    """Return the best fit with α and β of zero or more, and α of at most 1."""
    weights = throughput / n
    design = np.stack([np.ones_like(n), n - 1, n * (n - 1)], axis=1)
    parts = np.zeros(_PARAMETERS)
    for _ in range(_WEIGHTINGS):
        parts = _bounded(design * weights[:, None], n / throughput * weights)
        weights = 1 / (design @ parts)
    return _fit_of(parts, _squares(design, parts, n / throughput), len(n))


def peak_interval(n: Array, throughput: Array, best: Fit) -> tuple[float, float]:
    """Return the interval of the peak; its upper end is infinite if the data shows no peak."""
    freedom = max(1, len(n) - _PARAMETERS)
    squares_min = max(best.error**2 * freedom, _TINY)
    most = squares_min * (1 + quantile((1 + CONFIDENCE) / 2, freedom) ** 2 / freedom)
    peaks = np.append(np.geomspace(1.0, _FAR * float(n.max()), _PEAKS), np.inf)
    allowed = np.flatnonzero(_with_peaks(n, throughput, peaks) <= most)
    if not len(allowed):
        return best.peak, best.peak
    # The ends lie between two peaks that were tried.
    low = float(peaks[max(0, allowed[0] - 1)])
    high = float(peaks[min(_PEAKS, allowed[-1] + 1)])
    return min(low, best.peak), max(high, best.peak)


def _with_peaks(n: Array, throughput: Array, peaks: Array) -> Array:
    """Return for each peak the sum of squares of the best fit that has it."""
    # β = (1 − α) / peak², so that N / X = a (1 + q) + b (N − 1 − q) with b between 0 and a.
    quadratic = n * (n - 1) / peaks[:, None] ** 2
    one, other = 1 + quadratic, n - 1 - quadratic
    target = np.broadcast_to(n / throughput, one.shape)
    weights = 1 / target
    model = target
    for _ in range(_WEIGHTINGS):
        first, second = _shares(one * weights, other * weights, target * weights)
        model = np.maximum(first[:, None] * one + second[:, None] * other, _TINY)
        weights = 1 / model
    return np.asarray(((target / model - 1) ** 2).sum(axis=1))


def _shares(one: Array, other: Array, target: Array) -> tuple[Array, Array]:
    """Return for each row the least squares of two parts, with 0 ≤ second ≤ first."""
    a11, a12, a22 = ((x * y).sum(axis=1) for x, y in ((one, one), (one, other), (other, other)))
    b1, b2 = (one * target).sum(axis=1), (other * target).sum(axis=1)
    determinant = np.maximum(a11 * a22 - a12**2, _TINY)
    first, second = (a22 * b1 - a12 * b2) / determinant, (a11 * b2 - a12 * b1) / determinant
    # A convex problem: if the free solution is not allowed, the best one lies on an edge.
    edge_low = b1 / a11
    both = one + other
    edge_high = (both * target).sum(axis=1) / (both**2).sum(axis=1)
    loss_low = ((one * edge_low[:, None] - target) ** 2).sum(axis=1)
    loss_high = ((both * edge_high[:, None] - target) ** 2).sum(axis=1)
    on_high = loss_high < loss_low
    free = (second >= 0) & (second <= first)
    return (
        np.where(free, first, np.where(on_high, edge_high, edge_low)),
        np.where(free, second, np.where(on_high, edge_high, 0.0)),
    )


def _bounded(design: Array, target: Array) -> Array:
    """Return the least squares in which no part is negative, and b is at most a."""
    found: list[tuple[float, Array]] = []
    for columns in ((0, 1, 2), (0, 1), (0, 2), (0,)):
        parts = np.zeros(_PARAMETERS)
        parts[list(columns)] = np.linalg.lstsq(design[:, columns], target, rcond=None)[0]
        found.append((float(np.sum((design @ parts - target) ** 2)), parts))
    # With α = 1 the first two columns have one factor, and the throughput never rises.
    merged = np.stack([design[:, 0] + design[:, 1], design[:, 2]], axis=1)
    for columns in ((0, 1), (0,)):
        both = np.zeros(2)
        both[list(columns)] = np.linalg.lstsq(merged[:, columns], target, rcond=None)[0]
        parts = np.array([both[0], both[0], both[1]])
        found.append((float(np.sum((design @ parts - target) ** 2)), parts))
    valid = [
        (squares, parts)
        for squares, parts in found
        if parts[0] > 0 and parts.min() >= 0 and parts[1] <= parts[0] * (1 + 1e-9)
    ]
    return min(valid, key=lambda each: each[0])[1]


def _squares(design: Array, parts: Array, target: Array) -> float:
    """Return the sum of the squared relative residuals."""
    return float(np.sum((target / np.maximum(design @ parts, _TINY) - 1) ** 2))


def _fit_of(parts: Array, squares: float, count: int) -> Fit:
    first = float(parts[0])
    return Fit(
        1 / first,
        float(parts[1]) / first,
        float(parts[2]) / first,
        float(np.sqrt(squares / max(1, count - _PARAMETERS))),
    )


class Intervals(NamedTuple):
    """Intervals of the parameters, and of the throughput at some numbers: low and high ends."""

    gamma: tuple[float, float]
    alpha: tuple[float, float]
    beta: tuple[float, float]
    throughput: tuple[Array, Array]


def intervals(n: Array, best: Fit, at: Array, *, seed: int = 1, draws: int = 400) -> Intervals:
    """Return intervals by a parametric bootstrap: fits to data as the best fit would produce it.

    Few measurements leave the error itself uncertain, so each draw has another error, in the
    proportion of a χ² distribution.
    """
    random = np.random.default_rng(seed)
    freedom = max(1, len(n) - _PARAMETERS)
    found = []
    for _ in range(draws):
        error = best.error * np.sqrt(freedom / random.chisquare(freedom))
        found.append(fit(n, best.throughput(n) * np.exp(error * random.standard_normal(len(n)))))
    outer = (100 * (1 - CONFIDENCE) / 2, 100 * (1 + CONFIDENCE) / 2)

    def ends(values: list[float]) -> tuple[float, float]:
        low, high = np.percentile(values, outer)
        return float(low), float(high)

    curves = np.percentile([each.throughput(at) for each in found], outer, axis=0)
    return Intervals(
        ends([each.gamma for each in found]),
        ends([each.alpha for each in found]),
        ends([each.beta for each in found]),
        (curves[0], curves[1]),
    )
