"""Figures of a plan: a value with its interval, and what it rests on."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

# A figure this close above what was measured still counts as measured: ranges are rounded.
TOLERANCE = 1.02


class End(StrEnum):
    """Which end of the intervals of all measured costs is taken."""

    LOW = "low"
    VALUE = "value"
    HIGH = "high"


class Interval(NamedTuple):
    """A value of zero or more with bounds; `known` is false if a bound could not be measured."""

    value: float
    low: float
    high: float
    known: bool = True

    def at(self, end: End) -> float:
        """Return the value at one end."""
        return {End.LOW: self.low, End.VALUE: self.value, End.HIGH: self.high}[end]


class Basis(StrEnum):
    """What a figure rests on."""

    GIVEN = "given"
    ASSUMED = "assumed"
    MEASURED = "measured"
    EXTRAPOLATED = "extrapolated"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its interval.

    `value` is null if the figure is unknown, which `note` explains, and the text "inf" if it has no
    end. `beyond` says how many times more than the highest measured load it assumes.
    """

    value: float | str | None
    low: float | str | None = None
    high: float | str | None = None
    unit: str
    basis: Basis
    beyond: float | None = None
    note: str = ""


def measured(ends: Sequence[float], unit: str, beyond: float, *, note: str = "") -> Figure:
    """Return a figure from the values at the low end, the value and the high end of all costs.

    The interval spans all three: what a simulation returns need not lie between its results for
    both ends. A figure is extrapolated if it rests on `beyond` times the measured load, and that is
    more than once.
    """
    _, value, _ = ends
    far = beyond > TOLERANCE
    return Figure(
        value=_plain(value),
        low=_plain(min(ends)),
        high=_plain(max(ends)),
        unit=unit,
        basis=Basis.EXTRAPOLATED if far else Basis.MEASURED,
        beyond=factor(beyond) if far else None,
        note=note,
    )


def unknown(unit: str, why: str) -> Figure:
    """Return a figure that nothing was measured for."""
    return Figure(value=None, unit=unit, basis=Basis.ASSUMED, note=why)


def _plain(value: float) -> float | str:
    return "inf" if math.isinf(value) else float(value)


def factor(beyond: float) -> float | None:
    """Return how far a figure is extrapolated; None if a load was not measured at all."""
    return round(beyond, 2) if math.isfinite(beyond) else None
