"""A factor and its interval as a bar on a log scale, from half to twice the value of A."""

import math
from typing import Any

WIDTH, HEIGHT = 150, 14
_FACTOR_MAX = 2.0


def layout(difference: dict[str, Any]) -> dict[str, Any] | None:
    """Return where a bar is drawn; None without a factor. What is beyond the scale ends there."""
    factor, interval = difference["factor"], difference["interval"]
    if factor is None or factor <= 0:
        return None
    low, high = interval or (factor, factor)
    return {
        "x": place(low),
        "width": round(max(1.0, place(high) - place(low)), 1),
        "dot": place(factor),
        "one": WIDTH / 2,
    }


def place(factor: float, factor_max: float = _FACTOR_MAX, width: float = WIDTH) -> float:
    """Return the place of a factor on a scale of that width, in whose middle 1 is.

    The scale ends with `factor_max`, and begins with its reciprocal.
    """
    share = math.log(factor) / math.log(factor_max) if factor > 0 else -1.0
    return round(width / 2 * (1 + min(1.0, max(-1.0, share))) * 0.96 + 0.02 * width, 1)
