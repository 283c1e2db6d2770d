"""The limits in the charts of the IM tab."""

import pytest

from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.locust_plugin.web import limits


def limits_of(indicator, window="steady", value=500):
    """The limits of a scenario with one objective."""
    fault = {"id": "gone", "kind": "kill", "target": "edge", "at": "3s", "for": "2s"}
    objective = {"id": "o", "indicator": indicator, "op": "<", "value": value, "window": window}
    plain = {"version": 1, "name": "x", "about": "x", "faults": [fault], "sla": [objective]}
    return limits.chart_limits(from_builtins({**plain, "load": {"ramp": "2s", "steady": "10s"}}))


@pytest.mark.parametrize(
    ("indicator", "chart", "name"),
    [
        ("ack_p50_ms", "ack", "p50"),
        ("delivery_p99_ms", "delivery", "p99"),
        ("delivery_p999_ms", "delivery", "p99.9"),
        ("acked_per_s", "rate", "acknowledged"),
    ],
)
def test_a_limit_belongs_to_the_chart_of_its_indicator(indicator, chart, name):
    (limit,) = limits_of(indicator)
    assert (limit["chart"], limit["name"]) == (chart, name)
    assert (limit["op"], limit["value"]) == ("<", 500)


@pytest.mark.parametrize("indicator", ["recovery_ms", "send_errors_ratio", "delivery_max_ms"])
def test_what_no_chart_shows_has_no_limit_there(indicator):
    assert limits_of(indicator) == []


@pytest.mark.parametrize(
    ("window", "fault", "begin_s"), [("steady", "", 2), ("run", "", 0), ("fault:gone", "gone", 0)]
)
def test_a_limit_holds_in_the_window_of_its_objective(window, fault, begin_s):
    (limit,) = limits_of("ack_p99_ms", window)
    assert (limit["fault"], limit["from"], limit["to"]) == (fault, begin_s, 12)
    assert limit["window"] == window.partition(":")[0]


def test_the_window_of_a_recovery_is_left_out():
    assert limits_of("ack_p99_ms", "recovery:gone") == []
