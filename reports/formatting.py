"""How numbers are written for people: with units, thousands separators, and no exponents."""

import math
import re
from typing import Any

DIGITS = 3  # significant digits of a measured value
_FACTOR_MAX = 1_000_000  # how much larger something is hardly matters beyond this
_QUANTILES = {
    "p50": "median time", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9",
    "max": "longest time",
}  # fmt: skip
_ENDS = {"ack": "until acknowledged", "delivery": "until delivered"}
_FIGURES = {
    "acked_per_s": "acknowledged per second",
    "delivered_per_s": "delivered per second",
    "stack_cores": "CPU of the system, in cores",
    "send_errors_ratio": "sends that failed",
    "missing_deliveries_ratio": "deliveries that are missing",
    "recovery_ms": "time until recovered",
}
_NUMBER = re.compile(r"(?P<whole>[\d,]+)(?:\.(?P<decimals>\d+))?(?P<unit>[^\d]*)")


def counted(count: int, one: str, many: str) -> str:
    """Return a number with its noun: `1 entry` or `1,234 entries`."""
    return f"{count:,} {one if count == 1 else many}"


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


def same_decimals(*texts: str) -> tuple[str, ...]:
    """Return values of one unit with the same decimals, as far as they have significant digits.

    `6.4 ms` beside `6.61 ms` becomes `6.40 ms`, and `46` beside `39.6` becomes `46.0`: without the
    last zero, one value looks less precise than the other. What is no number is left as it is.
    """
    found = [_NUMBER.fullmatch(text) for text in texts]
    units = {each["unit"] for each in found if each}
    most = max((len(each["decimals"] or "") for each in found if each), default=0)
    if len(units) != 1 or not most:
        return texts
    return tuple(
        _padded(each, most) if each else text for text, each in zip(texts, found, strict=True)
    )


def _padded(found: re.Match[str], most: int) -> str:
    whole, decimals = found["whole"], found["decimals"] or ""
    digits = len((whole.replace(",", "") + decimals).lstrip("0"))
    zeros = max(0, min(most - len(decimals), DIGITS - digits))
    if not digits or not zeros:
        return found[0]
    return f"{whole}.{decimals}{'0' * zeros}{found['unit']}"


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
    if indicator.endswith("_per_1000_min"):
        return f"{significant(value)} per 1,000 min"
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


def figure(indicator: str) -> str:
    """Return an indicator in words, such as `median time until acknowledged`."""
    kind, _, rest = indicator.partition("_")
    quantile = rest.removesuffix("_ms")
    if kind in _ENDS and quantile in _QUANTILES:
        return f"{_QUANTILES[quantile]} {_ENDS[kind]}"
    return _FIGURES.get(indicator, indicator)


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
