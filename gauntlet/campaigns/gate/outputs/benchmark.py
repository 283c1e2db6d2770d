"""benchmark.json: figures for actions that draw them over time (`customSmallerIsBetter`)."""

import math
import statistics
from collections.abc import Iterator
from typing import Any

from gauntlet.campaigns.gate.outcome import Gate

# Where a smaller value is better; others would be read the wrong way round.
_UNITS = {"_ms": "ms", "stack_cores": "cores", "_ratio": "ratio"}
_WINDOWS = ("steady", "run")
_LATENCIES = ("p50_ms", "p99_ms")


def rows(gate: Gate) -> list[dict[str, Any]]:
    """Return a row for the typical figures of each scenario, and those that were compared."""
    compared = {(each.scenario, each.indicator, each.window) for each in gate.comparisons}
    return list(_rows(gate, compared))


def _rows(gate: Gate, compared: set[tuple[str, str, str]]) -> Iterator[dict[str, Any]]:
    values: dict[tuple[str, str, str], list[float]] = {}
    for run in gate.runs:
        if run.version == "candidate":
            for name, value in run.values.items():
                indicator, _, window = name.partition("@")
                values.setdefault((run.scenario, indicator, window), []).append(value)
    for (scenario, indicator, window), found in sorted(values.items()):
        usual = window in _WINDOWS and (
            indicator.endswith(_LATENCIES) or indicator == "stack_cores"
        )
        unit = next((unit for end, unit in _UNITS.items() if indicator.endswith(end)), None)
        finite = [value for value in found if math.isfinite(value)]
        if unit is None or not finite or not (usual or (scenario, indicator, window) in compared):
            continue
        spread = statistics.stdev(finite) if len(finite) > 1 else 0.0
        yield {
            "name": f"{scenario}: {indicator} ({window})",
            "unit": unit,
            "value": round(statistics.fmean(finite), 6),
            "range": f"± {spread:.3g}",
            "extra": f"{len(finite)} runs; gate {gate.id}",
        }
