"""Unit costs by regression: use = fixed + the sum of cost × count, and no cost is negative.

The fit minimises the squares of relative deviations, because the levels of a campaign differ by a
factor of ten or more: without weights, the highest would decide alone, and the fixed cost would be
noise. The intervals are those of Student's distribution for the costs that are not zero.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gauntlet.campaigns.gate.comparing import student

LEVELS_MIN = 6
_CONFIDENCE = 0.95
_VARIES = 0.2  # of its mean, that a regressor must vary between its lowest and highest value
_EXPLAINED_MAX = 0.995  # R² above which the other regressors say the same as one
_FLOOR = 0.05  # of the highest use, added to each use as the scale of its deviation

Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A value and the bounds of its 95 % interval; None if there are too few levels for one."""

    value: float
    low: float | None
    high: float | None


class Fit(NamedTuple):
    """The costs; `residual` is the root mean square of the deviations, divided by the mean use.

    `left_out` says of each regressor without a cost why it has none.
    """

    fixed: Interval
    per: dict[str, Interval]
    levels: int
    residual: float
    left_out: dict[str, str]

    def predict(self, counts: Mapping[str, float]) -> float:
        """Return the use at these counts."""
        slopes = sum(cost.value * counts.get(name, 0.0) for name, cost in self.per.items())
        return self.fixed.value + slopes


def fit(counts: Mapping[str, Sequence[float]], use: Sequence[float]) -> Fit | None:
    """Return the costs of each regressor, the more important first; None with too few levels."""
    used = np.array(use, dtype=np.float64)
    columns = {name: np.array(values, dtype=np.float64) for name, values in counts.items()}
    known = np.isfinite(used)
    for column in columns.values():
        known &= np.isfinite(column)
    used = used[known]
    columns = {name: column[known] for name, column in columns.items()}
    if used.size < LEVELS_MIN:
        return None
    names, left_out = _usable(columns)
    design = np.column_stack([np.ones(used.size), *(columns[name] for name in names)])
    weights = 1 / np.maximum(used + _FLOOR * max(used.max(), 0.0), 1e-12)
    costs = non_negative(design * weights[:, None], used * weights)
    intervals = _intervals(design * weights[:, None], used * weights, costs)
    deviation = math.sqrt(float(np.mean((design @ costs - used) ** 2)))
    return Fit(
        fixed=intervals[0],
        per=dict(zip(names, intervals[1:], strict=True)),
        levels=int(used.size),
        residual=deviation / float(used.mean()) if used.mean() > 0 else 0.0,
        left_out=left_out,
    )


def distinct(counts: Mapping[str, Sequence[float]]) -> int:
    """Return how many levels there are; repetitions of a level differ by little."""
    rows = zip(*counts.values(), strict=True)
    return len({tuple(f"{value:.1e}" for value in row) for row in rows})


def non_negative(design: Floats, values: Floats) -> Floats:
    """Return the coefficients of the best fit without negative ones.

    All sets of columns are tried: with five columns that is exact, and needs no library.
    """
    best, smallest = np.zeros(design.shape[1]), float(values @ values)
    every = range(design.shape[1])
    for size in range(1, design.shape[1] + 1):
        for chosen in itertools.combinations(every, size):
            part = design[:, list(chosen)]
            found, *_ = np.linalg.lstsq(part, values, rcond=None)
            rest = float(np.sum((part @ found - values) ** 2))
            if np.all(found >= 0) and rest < smallest - 1e-15:
                best, smallest = np.zeros(design.shape[1]), rest
                best[list(chosen)] = found
    return best


def _usable(columns: Mapping[str, Floats]) -> tuple[list[str], dict[str, str]]:
    """Return the regressors that vary and differ from the earlier ones, and why others do not."""
    names, left_out = list[str](), dict[str, str]()
    for name, column in columns.items():
        if np.ptp(column) <= _VARIES * abs(float(column.mean())):
            left_out[name] = f"the number of each {name} did not vary"
        elif (others := _explaining(column, [columns[each] for each in names])) > _EXPLAINED_MAX:
            left_out[name] = (
                f"the number of each {name} cannot be told from {' and '.join(names)} "
                f"(R² {others:.4f})"
            )
        else:
            names.append(name)
    return names, left_out


def _explaining(column: Floats, others: Sequence[Floats]) -> float:
    """Return the share of a regressor's variance that others explain (R²)."""
    if not others:
        return 0.0
    design = np.column_stack([np.ones(column.size), *others])
    found, *_ = np.linalg.lstsq(design, column, rcond=None)
    rest = float(np.sum((design @ found - column) ** 2))
    return 1 - rest / float(np.sum((column - column.mean()) ** 2))


def _intervals(design: Floats, values: Floats, costs: Floats) -> list[Interval]:
    """Return each cost with its interval; that of a zero is from a fit in which it may be any."""
    active = [index for index, cost in enumerate(costs) if cost > 0]
    bounds = [
        _half_width(design, values, sorted({*active, index}), index) for index in range(costs.size)
    ]
    return [
        Interval(
            float(cost),
            None if half is None else max(0.0, centre - half),
            None if half is None else max(float(cost), centre + half),
        )
        for cost, (centre, half) in zip(costs, bounds, strict=True)
    ]


def _half_width(
    design: Floats, values: Floats, columns: list[int], index: int
) -> tuple[float, float | None]:
    """Return the unrestricted value of a coefficient, and half of the width of its interval."""
    part = design[:, columns]
    found, *_ = np.linalg.lstsq(part, values, rcond=None)
    freedom = values.size - len(columns)
    at = columns.index(index)
    if freedom < 1:
        return float(found[at]), None
    variance = float(np.sum((part @ found - values) ** 2)) / freedom
    covariance = variance * np.linalg.pinv(part.T @ part)
    spread = math.sqrt(max(float(covariance[at, at]), 0.0))
    return float(found[at]), student.quantile((1 + _CONFIDENCE) / 2, freedom) * spread
