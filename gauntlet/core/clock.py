"""The monotonic clock of a host, and how durations and rates are written and displayed."""

import re
import time

from gauntlet.core.printable import shortened

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
DURATION_FORM = "a duration such as 15s, 300ms or 1m30s"

# What is beyond is a mistake: no run takes so long, and no machine sends so much.
DURATION_MAX_S = 30 * 86_400.0
RATE_MAX_PER_S = 10_000_000.0

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)/(s|m)")


# Monotonic nanoseconds, comparable between the processes of one host but not between hosts.
now_ns = time.monotonic_ns


def wall_anchor() -> dict[str, int]:
    """Return one reading of both clocks, in ns, from which reports derive the time of day."""
    return {"monotonic_ns": time.monotonic_ns(), "wall_ns": time.time_ns()}


def parse_duration_s(text: str | float) -> float:
    """Return the seconds of `15s`, `300ms`, `1m30s`, or of a bare number of seconds.

    The text of the ValueError for anything else completes a sentence: "must be …; got …".
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    else:
        parts = _PART.findall(str(text))
        if not parts or "".join(number + unit for number, unit in parts) != str(text):
            raise ValueError(f"must be {DURATION_FORM}; got {shortened(repr(text))}")
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"must be a duration of zero or more; got {shortened(repr(text))}")
    if seconds > DURATION_MAX_S:
        raise ValueError(f"must be at most {DURATION_MAX_S / 3600:g}h; got {shortened(repr(text))}")
    return seconds


def parse_rate_per_s(text: str | float, *, zero: bool = False) -> float:
    """Return the events per second of `300/s`, `90/m`, or of a bare number per second.

    A rate of zero is accepted only with `zero`. ValueError as for `parse_duration_s`.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        rate = float(text)
    else:
        match = _RATE.fullmatch(str(text))
        if match is None:
            raise ValueError(f"must be a rate such as 300/s or 90/m; got {shortened(repr(text))}")
        rate = float(match[1]) / (60.0 if match[2] == "m" else 1.0)
    if not 0 <= rate < float("inf") or not (rate or zero):
        least = "of zero or more" if zero else "above zero"
        raise ValueError(f"must be a rate {least}; got {shortened(repr(text))}")
    if rate > RATE_MAX_PER_S:
        raise ValueError(f"must be at most {RATE_MAX_PER_S:.0f}/s; got {shortened(repr(text))}")
    return rate


def format_s(seconds: float) -> str:
    """Return a duration in a suitable unit: `250 ms`, `8 s`, `1 min 35 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def format_lead(ahead_ms: float, error_ms: float) -> str:
    """Return a clock's offset from the master's: `2.500 ms behind the master's, within 0.100 ms`.

    `ahead_ms` is negative if the clock is behind. The offset is known to within `error_ms`.
    """
    side = "behind" if ahead_ms < 0 else "ahead of"
    return f"{abs(ahead_ms):,.3f} ms {side} the master's, within {error_ms:,.3f} ms"
