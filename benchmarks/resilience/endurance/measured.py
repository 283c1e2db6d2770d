"""The result of a measurement, and how memory is followed over time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Student's t for 95 % and the degrees of freedom of a line through so many means.
_BLOCKS = 10
_T_95 = 2.306
_WARM_UP = 0.25  # the share of the samples that is left out


class Measured(NamedTuple):
    """What was measured; it held if there is no failure."""

    seconds: float
    figures: dict[str, float]
    failures: list[str]


class Slope(NamedTuple):
    """By how much something grows in an hour, with its 95 % interval."""

    per_hour: float
    low: float
    high: float


def slope(times_s: Sequence[float], values: Sequence[float]) -> Slope | None:
    """Return the slope after the warm-up; None if there are too few samples.

    The line is fitted to the means of ten blocks: successive samples of memory depend on each
    other, so that the interval of a line through all of them would be too narrow.
    """
    first = int(len(times_s) * _WARM_UP)
    hours = np.array(times_s[first:]) / 3600
    if len(hours) < 3 * _BLOCKS:
        return None
    x = np.array([block.mean() for block in np.array_split(hours, _BLOCKS)])
    y = np.array([block.mean() for block in np.array_split(np.array(values[first:]), _BLOCKS)])
    away = x - x.mean()
    gradient = float((away * y).sum() / (away**2).sum())
    rest = y - y.mean() - gradient * away
    error = float(np.sqrt((rest**2).sum() / (_BLOCKS - 2) / (away**2).sum()))
    return Slope(gradient, gradient - _T_95 * error, gradient + _T_95 * error)
