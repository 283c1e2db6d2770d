"""How numbers are written for people, in the report and the summary."""

import math
from typing import Any


def ms(value: Any, *, at_least: bool = False) -> str:
    """Milliseconds as `12.3 ms`, `4.21 s`, `∞` for what never happened, `–` for nothing.

    A lower bound is written as `≥ 4.21 s`.
    """
    if value is None:
        return "–"
    number = float(value)
    if math.isinf(number):
        return "∞"
    text = f"{number / 1000:.3g} s" if number >= 1000 else f"{number:.3g} ms"
    return f"≥ {text}" if at_least else text


def quantile(row: dict[str, Any], name: str) -> str:
    """A percentile, or `max`, of a window's row of result.json."""
    return ms(row[name], at_least=name in row.get("at_least", ()))


def seconds(value: Any) -> str:
    """A moment of the timeline as `12.3 s`."""
    return "–" if value is None else f"{float(value):.1f} s"


def number(value: Any) -> str:
    """A count with thousands apart."""
    return "–" if value is None else f"{value:,}"


def measured(indicator: str, value: Any, *, at_least: bool = False) -> str:
    """An indicator's value with its unit, which its name ends with."""
    if value is None:
        return "–"
    if indicator.endswith("_ms"):
        return ms(value, at_least=at_least)
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
