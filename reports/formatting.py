"""How numbers are written for people: with units, thousands separators, and no exponents."""

import math
from typing import Any

DIGITS = 3  # significant digits of a measured value
_FACTOR_MAX = 1_000_000  # how much larger something is hardly matters beyond this


def ms(value: Any, *, at_least: bool = False) -> str:
    """Return milliseconds as `12.3 ms` or `4.21 s`, `∞` if infinite, `–` without a value.

    A lower bound is written as `≥ 4.21 s`.
    """
    if value is None:
        return "–"
    milliseconds = float(value)
    if math.isinf(milliseconds):
        return "∞"
    if milliseconds >= 1000:
        text = f"{significant(milliseconds / 1000)} s"
    else:
        text = f"{significant(milliseconds)} ms"
    return f"≥ {text}" if at_least else text


def significant(value: float) -> str:
    """Return a number with three significant digits, without an exponent: `93,400` or `0.0012`."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, DIGITS - 1 - magnitude)
    text = f"{rounded:,.{max(0, DIGITS - 1 - magnitude)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantile(row: dict[str, Any], name: str) -> str:
    """Return a percentile, or `max`, of a window's row of result.json."""
    return ms(row[name], at_least=name in row.get("at_least", ()))


def seconds(value: Any) -> str:
    """Return a time of the timeline as `12.3 s`."""
    return "–" if value is None else f"{float(value):.1f} s"


def number(value: Any) -> str:
    """Return a count with thousands separators."""
    return "–" if value is None else f"{value:,}"


def measured(indicator: str, value: Any, *, at_least: bool = False) -> str:
    """Return an indicator's value with its unit, which the end of its name determines."""
    if value is None:
        return "–"
    if indicator.endswith("_ms"):
        return ms(value, at_least=at_least)
    if math.isinf(float(value)):
        return "∞"
    if indicator.endswith("_ratio"):
        return f"{significant(100 * value)} %"
    if indicator.endswith("_per_s"):
        return f"{significant(value)} per second"
    if indicator.endswith("_count"):
        return number(round(value)) if float(value).is_integer() else f"{value:,}"
    return significant(value)


def change(factor: float) -> str:
    """Return a change by a factor as `+12.3 %`, or as `× 1,200` if it is a large one."""
    if factor > _FACTOR_MAX:
        return f"> × {number(_FACTOR_MAX)}"
    percent = 100 * (factor - 1)
    return f"{percent:+.1f} %" if abs(percent) < 1000 else f"× {significant(factor)}"


def amount(value: float | None, unit: str) -> str:
    """Return a figure of the self-audit with its unit: ms, share, cores, bytes or count."""
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


def window(name: str) -> str:
    """Return a window as an adverbial phrase: `in steady load`, `while fault x was active`."""
    kind, _, fault = name.partition(":")
    phrases = {
        "steady": "in steady load",
        "run": "over the whole run",
        "fault": f"while fault {fault} was active",
        "recovery": f"during the recovery from fault {fault}",
    }
    return phrases[kind]
