"""The limits that objectives set, as lines of the charts."""

import math
import re
from typing import Any, NamedTuple

from gauntlet.reports import formatting

_LATENCY = re.compile(r"(ack|delivery)_(p50|p90|p95|p99|p999|max)_ms")
_NAMES = {"p999": "p99.9", "max": "slowest", "p50": "median"}

Span = tuple[float, float]


class Threshold(NamedTuple):
    """A limit; `panel` is ack, delivery, rates or recovery, and `window` where it holds."""

    id: str
    panel: str
    value: float
    text: str
    violated: bool
    window: str
    spans: tuple[Span, ...]


def find(result: dict[str, Any]) -> list[Threshold]:
    """Return the limits that can be drawn."""
    windows = {window["name"]: window for window in result["windows"]}
    seconds = result["series"].get("second") or [0]
    end_s = float(seconds[-1] + 1)
    found = []
    for objective in result["objectives"]:
        panel, name = _panel(objective["indicator"])
        window = windows.get(objective["window"])
        target = float(objective["target"])
        if panel and window and math.isfinite(target):
            value = formatting.measured(objective["indicator"], target)
            found.append(
                Threshold(
                    objective["id"],
                    panel,
                    target,
                    f"{name} {objective['op']} {value}",
                    objective["verdict"] == "invalid",
                    objective["window"],
                    spans(window, end_s),
                )
            )
    return found


def spans(window: dict[str, Any], end_s: float) -> tuple[Span, ...]:
    """Return the parts of the timeline that a window contains, in seconds."""
    if window["from_s"] is None:
        return ()
    remaining = [(float(window["from_s"]), _end(window["to_s"], end_s))]
    for from_s, to_s in window["without"]:
        if from_s is not None:
            start, stop = float(from_s), _end(to_s, end_s)
            halves = [((a, min(b, start)), (max(a, stop), b)) for a, b in remaining]
            remaining = [span for pair in halves for span in pair if span[0] < span[1]]
    return tuple(span for span in remaining if span[0] < span[1])


def _end(value: Any, end_s: float) -> float:
    return end_s if value is None else min(float(value), end_s)


def _panel(indicator: str) -> tuple[str, str]:
    """Return where a limit of an indicator is drawn, and what it is called there."""
    if found := _LATENCY.fullmatch(indicator):
        return found[1], _NAMES.get(found[2], found[2])
    known = {"acked_per_s": ("rates", "acknowledged"), "recovery_ms": ("recovery", "objective")}
    return known.get(indicator, ("", ""))
