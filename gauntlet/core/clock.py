"""Time: one monotonic clock for a host's processes, and the spelling of durations and rates."""

import re
import time

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m)")


# Monotonic nanoseconds, comparable between the processes of one host (never between hosts).
now_ns = time.monotonic_ns


def wall_anchor() -> dict[str, int]:
    """A wall-clock reading beside a monotonic one, so that a report can name times of day."""
    return {"monotonic_ns": time.monotonic_ns(), "wall_ns": time.time_ns()}


def parse_duration_s(text: str | float) -> float:
    """Seconds from `15s`, `300ms`, `1m30s`, or a bare number of seconds; ValueError otherwise."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    else:
        parts = _PART.findall(str(text))
        if not parts or "".join(number + unit for number, unit in parts) != str(text):
            msg = f"{text!r} is not a duration such as 15s, 300ms or 1m30s"
            raise ValueError(msg)
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if not 0 <= seconds < float("inf"):
        msg = f"{text!r} is not a duration of zero or more"
        raise ValueError(msg)
    return seconds


def parse_rate_per_s(text: str | float, *, zero: bool = False) -> float:
    """Events per second from `300/s`, `90/m`, or a bare number per second; ValueError otherwise.

    None at all is a rate only with `zero`.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        rate = float(text)
    else:
        match = _RATE.fullmatch(str(text))
        if match is None:
            msg = f"{text!r} is not a rate such as 300/s or 90/m"
            raise ValueError(msg)
        rate = float(match[1]) / (60.0 if match[2] == "m" else 1.0)
    if not 0 <= rate < float("inf") or not (rate or zero):
        msg = f"{text!r} is not a rate {'of zero or more' if zero else 'above zero'}"
        raise ValueError(msg)
    return rate


def format_s(seconds: float) -> str:
    """`0.25` → `250 ms`, `8.0` → `8 s`, `95` → `1 min 35 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def format_lead(ahead_ms: float, error_ms: float) -> str:
    """`(-2.5, 0.1)` → `2.500 ms behind the master's, within 0.100 ms`."""
    side = "behind" if ahead_ms < 0 else "ahead of"
    return f"{abs(ahead_ms):,.3f} ms {side} the master's, within {error_ms:,.3f} ms"
