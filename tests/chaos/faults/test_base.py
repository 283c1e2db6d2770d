"""What faults share: parameters and polling."""

import threading

import pytest

from gauntlet.chaos.faults.base import param, poll


@pytest.mark.parametrize(
    ("kind", "target", "params", "name", "value"),
    [
        ("latency", "edge>broker", {}, "latency", 0.1),
        ("latency", "edge>broker", {"latency": "2s"}, "latency", 2.0),
        ("disconnect", "client>edge", {}, "percent", 30),
        ("cutover", "edge", {"canaries": False}, "canaries", False),
    ],
)
def test_a_missing_parameter_has_its_default_and_durations_are_seconds(
    spec, kind, target, params, name, value
):
    """Otherwise the value of the scenario counts."""
    assert param(spec(kind, target, **params), name) == value


def test_poll_returns_the_first_result_that_is_not_none():
    """Also a result that is falsy."""
    results = iter([None, None, 0])
    assert poll(lambda: next(results), 5.0, interval_s=0) == 0


def test_poll_returns_none_after_the_timeout():
    """It checks at least once."""
    checks = []
    assert poll(lambda: checks.append(1), 0.0) is None
    assert len(checks) == 1


def test_poll_returns_none_when_the_run_is_stopped():
    """A run that is being stopped waits for no proof."""
    stop = threading.Event()
    checks = []
    assert poll(lambda: checks.append(1) or (len(checks) == 3) or None, 60.0, stop, 0.0) is True
    stop.set()
    assert poll(lambda: checks.append(1), 60.0, stop) is None
    assert len(checks) == 4
