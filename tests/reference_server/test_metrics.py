"""Counters and gauges as Prometheus reads them."""

import asyncio
import time
from contextlib import suppress

from reference_server.metrics import LoopLag, Metrics


def test_the_text_names_types_and_values():
    """Counters add up, gauges are read when asked, each with its type line."""
    metrics = Metrics()
    metrics.add("requests_total")
    metrics.add("requests_total", 2)
    depth = [1.5]
    metrics.gauge("queue", lambda: depth[0])
    depth[0] = 2.5
    assert metrics.render() == (
        "# TYPE im_queue gauge\nim_queue 2.5\n"
        "# TYPE im_requests_total counter\nim_requests_total 3\n"
    )


def block():
    """Nothing but this makes a loop late for certain."""
    time.sleep(0.15)


async def test_a_blocked_loop_shows_as_lag():
    """A loop that does not come round in time is seen by a sleeper that wakes late."""
    lag = LoopLag()
    task = asyncio.create_task(lag.watch())
    await asyncio.sleep(0)
    lag_before = lag.worst_ms()
    block()
    await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert lag_before == 0
    assert lag.worst_ms() >= 40
