"""Fewer rows for the charts of a long run, without losing what is extreme.

No screen shows 28,800 seconds. Consecutive seconds become one row: rates and connections are their
mean, with the least and the most beside it, a median is the median of the seconds, and a p99 or a
maximum that of the worst second.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, median
from typing import Any

Column = list[Any]
Series = dict[str, Column]

ROWS_MAX = 1000
_BANDS = ("acked", "delivered", "connections")


def step_of(seconds: int, rows_max: int = ROWS_MAX) -> int:
    """Return how many seconds become one row, so that there are at most `rows_max` rows."""
    return max(1, math.ceil(seconds / rows_max))


def thin(series: Series, step: int) -> Series:
    """Return a series of which each row is `step` seconds."""
    if step == 1:
        return series
    thinned: Series = {"second": series["second"][::step]}
    for name, column in series.items():
        if name != "second":
            thinned[name] = _reduce(column, step, _reduction(name))
    for name in _BANDS:
        if name in series:
            thinned[f"{name}_least"] = _reduce(series[name], step, min)
            thinned[f"{name}_most"] = _reduce(series[name], step, max)
    return thinned


def most(column: Column, step: int) -> Column:
    """Return a column of which each row is the most of `step` seconds."""
    return column if step == 1 else _reduce(column, step, max)


def _reduction(name: str) -> Callable[[Sequence[float]], float]:
    if name.endswith("_p50_ms"):
        return median
    return max if name.endswith("_ms") else _mean


def _mean(values: Sequence[float]) -> float:
    return round(fmean(values), 2)


def _reduce(column: Column, step: int, reduction: Callable[[Sequence[float]], float]) -> Column:
    rows = (column[start : start + step] for start in range(0, len(column), step))
    reduced: Column = []
    for row in rows:
        known = [float(value) for value in row if value is not None]
        value = reduction(known) if known else None
        reduced.append("inf" if value is not None and math.isinf(value) else value)
    return reduced
