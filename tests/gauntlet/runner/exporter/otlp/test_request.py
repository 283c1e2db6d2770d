"""The JSON of an export."""

import json
import math

import pytest

from gauntlet.runner.exporter.metrics import METRICS, Metric
from gauntlet.runner.exporter.otlp.request import Span, body

SENT = Metric("things_total", "counter", "Things.")
OPEN = Metric("open_things", "gauge", "Open things.")
SPAN = Span(1_700_000_000_000_000_000, 1_700_000_005_500_000_001)


def exported(*families, resource=None):
    """The description of the run, and the metrics of a request by their names."""
    (whole,) = json.loads(body(families, resource or {}, SPAN))["resourceMetrics"]
    (scope,) = whole["scopeMetrics"]
    assert scope["scope"]["name"] == "gauntlet"
    return whole["resource"], {metric["name"]: metric for metric in scope["metrics"]}


def test_the_resource_says_which_run_it_is():
    resource, _ = exported(resource={"service.name": "gauntlet", "gauntlet.label.version": "2"})
    assert resource["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "gauntlet"}},
        {"key": "gauntlet.label.version", "value": {"stringValue": "2"}},
    ]


def test_a_counter_is_a_monotonic_sum_since_the_start():
    _, metrics = exported((SENT, [({"worker": "0"}, 2**53 + 1)]))
    assert metrics["things_total"] == {
        "name": "things_total",
        "description": "Things.",
        "unit": "",
        "sum": {
            "aggregationTemporality": 2,
            "isMonotonic": True,
            "dataPoints": [
                {
                    "attributes": [{"key": "worker", "value": {"stringValue": "0"}}],
                    "startTimeUnixNano": "1700000000000000000",
                    "timeUnixNano": "1700000005500000001",
                    "asInt": "9007199254740993",
                }
            ],
        },
    }


def test_a_gauge_has_no_start_and_a_number_with_a_point():
    _, metrics = exported((OPEN, [({}, 3), ({}, 0.25)]))
    first, second = metrics["open_things"]["gauge"]["dataPoints"]
    assert first == {"attributes": [], "timeUnixNano": "1700000005500000001", "asDouble": 3.0}
    assert second["asDouble"] == 0.25


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_json_cannot_hold_is_left_out(value):
    _, metrics = exported(
        (OPEN, [({"worker": "0"}, value), ({"worker": "1"}, 1)]), (SENT, [({}, value)])
    )
    assert list(metrics) == ["open_things"]
    assert len(metrics["open_things"]["gauge"]["dataPoints"]) == 1


def test_a_metric_without_samples_is_left_out():
    assert exported((OPEN, []))[1] == {}


def test_units_are_those_that_the_names_state():
    _, metrics = exported(*((metric, [({}, 1)]) for metric in METRICS))
    for name, metric in metrics.items():
        ends = {"s": "_seconds", "By": "_bytes", "1": "_ratio", "": name}
        assert name.endswith(ends[metric["unit"]])
        assert metric["unit"] or not name.endswith(("_seconds", "_bytes", "_ratio"))
        assert ("sum" in metric) == name.endswith("_total")


def test_a_lone_surrogate_in_a_label_can_be_read_as_utf_8():
    _, metrics = exported((OPEN, [({"v": "\udcff"}, 1)]))
    (point,) = metrics["open_things"]["gauge"]["dataPoints"]
    assert point["attributes"][0]["value"]["stringValue"] == "\\udcff"
