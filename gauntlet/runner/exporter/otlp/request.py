"""The request of an export: the metrics of a run in the JSON encoding of OTLP.

Metrics keep their names of Prometheus, so that the same queries and dashboards serve both. Counters
are cumulative since the start of the export, which is before the load.
"""

import json
import math
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Literal, NamedTuple

from gauntlet.runner.exporter.metrics import Metric
from gauntlet.runner.exporter.page import Sample

CONTENT_TYPE = "application/json"
SCOPE = "gauntlet"
_CUMULATIVE = 2  # of the enumeration AggregationTemporality
# The units (of UCUM) that the ends of the names state.
_UNITS = {"_seconds": "s", "_bytes": "By", "_ratio": "1"}

Family = tuple[Metric, list[Sample]]


class Span(NamedTuple):
    """The time that a request is about: since when counters count, and now. Unix nanoseconds."""

    start_ns: int
    now_ns: int


def version() -> str:
    """Return the version of Gauntlet."""
    return metadata.version("im-gauntlet")


def body(families: Iterable[Family], resource: Mapping[str, str], span: Span) -> bytes:
    """Return the content of a request; a metric without samples is left out."""
    metrics = [
        _metric(metric, points, span)
        for metric, samples in families
        if (points := _points(metric, samples, span))
    ]
    scope = {"name": SCOPE, "version": version()}
    described = {"attributes": _attributes(resource)}
    whole = {"resource": described, "scopeMetrics": [{"scope": scope, "metrics": metrics}]}
    return json.dumps({"resourceMetrics": [whole]}, allow_nan=False).encode()


def _metric(metric: Metric, points: list[dict[str, Any]], span: Span) -> dict[str, Any]:
    kind: Literal["sum", "gauge"] = "sum" if metric.kind == "counter" else "gauge"
    data: dict[str, Any] = {"dataPoints": points}
    if kind == "sum":
        data |= {"aggregationTemporality": _CUMULATIVE, "isMonotonic": True}
        for point in points:
            point["startTimeUnixNano"] = str(span.start_ns)
    unit = next((unit for end, unit in _UNITS.items() if metric.name.endswith(end)), "")
    return {"name": metric.name, "description": metric.help, "unit": unit, kind: data}


def _points(metric: Metric, samples: list[Sample], span: Span) -> list[dict[str, Any]]:
    """Return the points of a metric; JSON has no numbers for what is not finite."""
    return [
        {
            "attributes": _attributes(labels),
            "timeUnixNano": str(span.now_ns),
            **_number(metric, value),
        }
        for labels, value in samples
        if math.isfinite(value)
    ]


def _number(metric: Metric, value: float) -> dict[str, Any]:
    """Return the value of a point: the encoding has 64-bit integers as text."""
    if metric.kind == "counter" and isinstance(value, int):
        return {"asInt": str(value)}
    return {"asDouble": float(value)}


def _attributes(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return attributes; a lone surrogate, which the command line may contain, is no UTF-8."""
    return [
        {
            "key": key,
            "value": {"stringValue": value.encode("utf-8", "backslashreplace").decode()},
        }
        for key, value in values.items()
    ]
