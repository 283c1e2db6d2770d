"""How figures of a plan are written: with their interval, and a mark if they are extrapolated."""

import math

from gauntlet.campaigns.plan.figures import Basis, Figure
from gauntlet.campaigns.plan.model import Change, Input
from gauntlet.reports.formatting import same_decimals, significant

EXTRAPOLATED = "≈"
_GB = 1e9


def number(value: float | str | None) -> str:
    """Return a number with thousands separators and three significant digits below 1,000."""
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return "∞" if value == "inf" else value
    if math.isinf(value):
        return "∞"
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else significant(value)


def share_of(factor: float) -> str:
    """Return a factor, such as 1.3 or 230."""
    return f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"


def figure(found: Figure, *, unit: bool = True) -> str:
    """Return a figure: `12 nodes`, `≈ 41 s (35–52)` if it is extrapolated, or `unknown`."""
    if found.value is None:
        return f"unknown ({found.note})" if found.note else "unknown"
    return f"{value(found, unit=unit)}{interval(found)}"


def value(found: Figure, *, unit: bool = True) -> str:
    """Return the value of a figure with its unit; a percent sign belongs to the number."""
    text, _, _ = _numbers(found)
    if found.unit.startswith("%"):
        text += " %"
    elif unit and found.unit and found.unit != "day":
        text += f" {found.unit}"
    return f"{EXTRAPOLATED} {text}" if found.basis is Basis.EXTRAPOLATED else text


def interval(found: Figure) -> str:
    """Return the interval in brackets; empty if there is none, or a measured one of no width."""
    if found.low is None or found.high is None:
        return ""
    _, low, high = _numbers(found)
    if low == high and found.basis is not Basis.EXTRAPOLATED:
        return ""
    to = "–" if found.unit != "day" else " to "
    return f" ({low}{to}{high})"


def _numbers(found: Figure) -> tuple[str, ...]:
    """Return the value and the ends of its interval, with the same decimals."""
    return same_decimals(*map(number, (found.value, found.low, found.high)))


def input_value(found: Input) -> str:
    """Return the value of an input with its unit."""
    given = found.value
    if given is None:
        return "that of the measured machine" if found.name.startswith("node_") else "all"
    if isinstance(given, tuple):
        return "–".join(number(each) for each in given) + f" {found.unit}"
    if isinstance(given, str):
        return given
    if found.unit == "%":
        return f"{significant(100 * given)} %"
    if found.unit == "bytes":
        return f"{significant(given / _GB)} GB"
    return f"{number(given)} {found.unit}".rstrip()


def change(found: Change) -> str:
    """Return the lower and the higher value of an input: `20 % to 30 %`."""
    if found.lower is None or found.higher is None:
        return ""
    ends = (found.lower, found.higher)
    if found.unit == "%":
        return " to ".join(f"{significant(100 * end)} %" for end in ends)
    return " to ".join(number(end) for end in ends)


def scalar(value: float | str) -> str:
    """Return a number with three significant digits, however small it is."""
    return "∞" if isinstance(value, str) else significant(value)
