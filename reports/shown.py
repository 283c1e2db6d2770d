"""How numbers are written for people, in the report and the summary."""

import math
from typing import Any


def ms(value: Any) -> str:
    """Milliseconds as `12.3 ms`, `4.21 s`, `∞` for what never happened, `–` for nothing."""
    if value is None:
        return "–"
    number = float(value)
    if math.isinf(number):
        return "∞"
    return f"{number / 1000:.3g} s" if number >= 1000 else f"{number:.3g} ms"


def seconds(value: Any) -> str:
    """A moment of the timeline as `12.3 s`."""
    return "–" if value is None else f"{float(value):.1f} s"


def number(value: Any) -> str:
    """A count with thousands apart."""
    return "–" if value is None else f"{value:,}"


def measured(indicator: str, value: Any) -> str:
    """An indicator's value with its unit, which its name ends with."""
    if value is None:
        return "–"
    if indicator.endswith("_ms"):
        return ms(value)
    if math.isinf(float(value)):
        return "∞"
    return f"{100 * value:.3g} %" if indicator.endswith("_ratio") else f"{value:.3g}"


def amount(value: float | None, unit: str) -> str:
    """A figure of the self-audit: `ms`, `share` of what there is, `cores`, `bytes` or `count`."""
    if value is None:
        return "–"
    if unit == "ms":
        return ms(value)
    if unit == "share":
        return f"{100 * value:.0f} %"
    if unit == "cores":
        return f"{value:.2f} cores"
    if unit == "bytes":
        return f"{value / 2**20:,.0f} MiB"
    return number(round(value))
