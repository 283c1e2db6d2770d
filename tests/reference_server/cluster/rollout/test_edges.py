"""Calls to the cluster's own processes."""

import aiohttp
import pytest

from gauntlet.reference_server.cluster.rollout import edges
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.core.metrics import Metrics

NOBODY = plan.Component("edge-blue-1", "edge", plan.PYTHON, [1])


def test_what_a_process_renders_is_read_back():
    """Names without their prefix, comments passed over."""
    metrics = Metrics()
    metrics.add("sends_total", 3)
    metrics.gauge("loop_lag_ms", lambda: 1.5)
    assert edges.parse_metrics(metrics.render()) == {"sends_total": 3.0, "loop_lag_ms": 1.5}


async def test_silence_is_an_error_for_calls_and_nothing_for_metrics():
    """A metric may be missing; an order may not."""
    async with aiohttp.ClientSession() as http:
        assert await edges.read_metrics(http, NOBODY) is None
        with pytest.raises(edges.CallError, match="edge-blue-1 stats"):
            await edges.call(http, NOBODY, "stats")
