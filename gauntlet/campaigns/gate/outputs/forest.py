"""Draws changes against the line of no change and against the limit, as a forest plot.

The right is worse, for every figure, and each row is drawn on a scale of its own limit. The limits
of all rows are therefore at the same place, and rows can be compared at a glance.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gauntlet.campaigns.gate.outcome import Comparison, Run, key
from gauntlet.reports.render import interval_bar

WIDTH = 240
# How many limits the scale has on each side, at least and at most.
_LIMITS_MIN, _LIMITS_MAX = 2.0, 3.0
# Lines of more pairs than this could not be told apart.
_PAIRS_MAX = 60
# A share near 1, whose logarithm a scale can still have.
_SHARE_MAX = 0.99


class Row(NamedTuple):
    """Where the parts of a row are drawn; what is beyond the scale is marked at its end."""

    zero: float
    limit: float
    end: float
    low: float
    high: float
    dot: float
    pairs: Sequence[float]
    beyond_left: bool
    beyond_right: bool


def rows(comparisons: Sequence[Comparison], runs: Sequence[Run]) -> list[Row | None]:
    """Return a row for each comparison; None where no interval is known."""
    limits = max((_reach(each) for each in comparisons), default=_LIMITS_MIN)
    limits = min(max(1.1 * limits, _LIMITS_MIN), _LIMITS_MAX)
    return [_row(each, limits, pairs(each, runs)) for each in comparisons]


def is_known(each: Comparison) -> bool:
    """Return whether a comparison has a change and an interval that can be drawn."""
    values = (each.ratio, each.low, each.high)
    return all(value is not None and 0 < value < math.inf for value in values)


def pairs(each: Comparison, runs: Iterable[Run]) -> list[float]:
    """Return by which factor the value of each pair of runs changed, of the pairs that decided."""
    name = key(each.indicator, each.window)
    found: dict[int, dict[str, float]] = {}
    for run in runs:
        if run.scenario == each.scenario and 0 < run.values.get(name, 0.0) < math.inf:
            found.setdefault(run.number, {})[run.version] = run.values[name]
    whole = [pair for _, pair in sorted(found.items()) if len(pair) == 2]
    decided = whole[: each.count]
    if len(decided) > _PAIRS_MAX:
        return []
    return [pair["candidate"] / pair["reference"] for pair in decided]


def _reach(each: Comparison) -> float:
    """Return how far the interval reaches from no change, in limits of its figure."""
    if not is_known(each):
        return 0.0
    return max(abs(math.log(value or 1.0)) for value in (each.low, each.high)) / _limit(each)


def _limit(each: Comparison) -> float:
    """Return the smallest change that blocks, as a positive logarithm."""
    share = each.min_effect
    found = math.log1p(share) if each.lower_is_better else -math.log1p(-min(share, _SHARE_MAX))
    return found if 0 < found < math.inf else 1.0


def _row(each: Comparison, limits: float, factors: Sequence[float]) -> Row | None:
    if not is_known(each):
        return None
    largest = math.exp(limits * _limit(each))

    def place(factor: float | None) -> float:
        factor = factor or 1.0
        return interval_bar.place(factor if each.lower_is_better else 1 / factor, largest, WIDTH)

    worst, best = place(1e300), place(1e-300)
    if not each.lower_is_better:
        worst, best = best, worst
    low, high = sorted((place(each.low), place(each.high)))
    return Row(
        zero=WIDTH / 2,
        limit=interval_bar.place(math.exp(_limit(each)), largest, WIDTH),
        end=worst,
        low=low,
        high=high,
        dot=place(each.ratio),
        pairs=[place(factor) for factor in factors],
        beyond_left=low <= best,
        beyond_right=high >= worst,
    )
