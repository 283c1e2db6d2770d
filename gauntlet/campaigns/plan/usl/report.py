"""What the fit of scaling data says, and whether it may be extrapolated. Pure."""

import math
from typing import Literal

import msgspec
import numpy as np

from gauntlet.campaigns.plan.usl.fit import (
    CONFIDENCE,
    LEVELS_MIN,
    Array,
    Fit,
    fit,
    intervals,
    peak_interval,
)
from gauntlet.reports.formatting import significant

# The knee is seen if the peak certainly lies within so many times the highest measured n.
_SEEN_WITHIN = 2.0
_ERROR_MAX = 0.2
_POINTS = 60

End = float | Literal["inf"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted parameter with its interval; an upper end "inf" means that there is none."""

    value: End
    low: float
    high: End


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The throughput at a number: measured, or null; and fitted with its interval."""

    n: float
    measured: float | None
    fitted: float
    low: float
    high: float
    extrapolated: bool


class ScalingReport(msgspec.Struct, frozen=True, kw_only=True):
    """The fit of scaling data; `refused` says why nothing is extrapolated, or is empty."""

    schema_version: Literal[1] = 1
    answer: str
    refused: str
    confidence: float
    measured_to: float
    levels: int
    gamma: Parameter
    alpha: Parameter
    beta: Parameter
    peak: Parameter
    error: float
    points: list[Point]
    curve: list[Point]


def report(n: Array, throughput: Array) -> ScalingReport:
    """Return the fit; numbers beyond the measured ones are there only if the knee was seen."""
    best = fit(n, throughput)
    low, high = peak_interval(n, throughput, best)
    largest, levels = float(n.max()), len(set(n.tolist()))
    why_not = refusal(best, high, largest, levels)
    curve_to = largest if why_not else max(largest, min(high, _SEEN_WITHIN * largest)) * 1.1
    curve = np.linspace(float(n.min()), curve_to, _POINTS)
    found = intervals(n, best, np.concatenate([n, curve]))
    bounds = np.stack([best.throughput(np.concatenate([n, curve])), *found.throughput], axis=1)
    measured: list[float | None] = [float(each) for each in throughput]
    return ScalingReport(
        answer=_answer(best, (low, high), largest, why_not),
        refused=why_not,
        confidence=CONFIDENCE,
        measured_to=largest,
        levels=levels,
        gamma=_parameter(best.gamma, *found.gamma),
        alpha=_parameter(best.alpha, *found.alpha),
        beta=_parameter(best.beta, *found.beta),
        peak=_parameter(best.peak, low, high),
        error=best.error,
        points=_points(n, measured, bounds[: len(n)], largest),
        curve=_points(curve, [None] * len(curve), bounds[len(n) :], largest),
    )


def refusal(best: Fit, high: float, largest: float, levels: int) -> str:
    """Return why nothing may be extrapolated; empty if the knee was seen."""
    if levels < LEVELS_MIN:
        return f"there are {levels} different n, and at least {LEVELS_MIN} are needed."
    if best.error > _ERROR_MAX:
        return (
            f"the law does not describe the data: measurements are off by {100 * best.error:.0f} %."
        )
    if math.isinf(high):
        return (
            "the knee was not seen, and the data agrees with a throughput that never falls. "
            "Measure larger n."
        )
    if high > _SEEN_WITHIN * largest:
        return (
            f"the knee was not seen, and the peak may be as far away as n = {significant(high)}, "
            f"more than {_SEEN_WITHIN:g} times the highest measured n. Measure larger n."
        )
    return ""


def _answer(best: Fit, ends: tuple[float, float], largest: float, why_not: str) -> str:
    if why_not:
        return f"Nothing beyond n = {largest:g} can be said: {why_not}"
    low, high = (significant(end) for end in ends)
    top = significant(float(best.throughput(np.array([best.peak]))[0]))
    return (
        f"The throughput is highest at n = {significant(best.peak)} ({low}–{high}) with {top}, and "
        f"falls beyond; measured up to n = {largest:g}."
    )


def _parameter(value: float, low: float, high: float) -> Parameter:
    return Parameter(
        value="inf" if math.isinf(value) else value,
        low=min(low, value, _LARGEST),
        high="inf" if math.isinf(max(high, value)) else max(high, value),
    )


_LARGEST = 1e300


def _points(n: Array, measured: list[float | None], bounds: Array, largest: float) -> list[Point]:
    return [
        Point(
            n=float(at),
            measured=seen,
            fitted=float(fitted),
            low=min(float(low), float(fitted)),
            high=max(float(high), float(fitted)),
            extrapolated=bool(at > largest),
        )
        for at, seen, (fitted, low, high) in zip(n, measured, bounds, strict=True)
    ]
