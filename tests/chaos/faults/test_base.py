"""What faults share: parameters and waiting."""

import threading

import pytest

from gauntlet.chaos.faults.base import param, poll


@pytest.mark.parametrize(
    ("kind", "target", "given", "name", "value"),
    [
        ("latency", "edge>broker", {}, "latency", 0.1),
        ("latency", "edge>broker", {"latency": "2s"}, "latency", 2.0),
        ("disconnect", "client>edge", {}, "percent", 30),
        ("cutover", "edge", {"canaries": False}, "canaries", False),
    ],
)
def test_params_have_their_default_and_durations_are_seconds(
    spec, kind, target, given, name, value
):
    """A parameter is what the scenario says, or else its default."""
    assert param(spec(kind, target, **given), name) == value


def test_poll_returns_the_first_result():
    """Polling goes on until there is something, also something that is not true."""
    results = iter([None, None, 0])
    assert poll(lambda: next(results), 5.0, interval_s=0) == 0


def test_poll_gives_up():
    """Nothing within the time is None, after one look at least."""
    looks = []
    assert poll(lambda: looks.append(1), 0.0) is None
    assert len(looks) == 1


def test_poll_heeds_a_stop():
    """Polling goes on while the run does; one that is being stopped waits for no proof."""
    stop = threading.Event()
    looks = []
    assert poll(lambda: looks.append(1) or (len(looks) == 3) or None, 60.0, stop, 0.0) is True
    stop.set()
    assert poll(lambda: looks.append(1), 60.0, stop) is None
    assert len(looks) == 4
