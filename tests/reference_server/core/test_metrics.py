"""Metrics in Prometheus' text format, and their documentation."""

import asyncio
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gauntlet.reference_server.core.metrics import BUCKETS_MS, METRICS, LoopLag, Metrics

ROOT = Path(__file__).parents[3]


def samples(metrics):
    """Return the samples in the text by name with labels."""
    rows = [line.split(" ") for line in metrics.render().splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in rows}


def test_counters_add_up_and_gauges_are_read_at_render_time():
    metrics = Metrics()
    metrics.add("requests_total")
    metrics.add("requests_total", 12_345_678)
    depth = [1.5]
    metrics.gauge("publish_queue", lambda: depth[0])
    depth[0] = 2.5
    assert metrics.render() == (
        "# TYPE im_publish_queue gauge\nim_publish_queue 2.5\n"
        "# TYPE im_requests_total counter\nim_requests_total 12345679\n"
    )


def test_histogram_buckets_are_cumulative_and_include_their_bound():
    metrics = Metrics()
    for value in (0.5, 5.0, 5.1, 99_999.0):
        metrics.observe("commit_ms", value)
    shown = samples(metrics)
    buckets = [shown[f'im_commit_ms_bucket{{le="{bound}"}}'] for bound in (*BUCKETS_MS, "+Inf")]
    assert buckets[:4] == [1, 1, 2, 3]
    assert buckets[-2:] == [3, 4]
    assert shown["im_commit_ms_count"] == 4
    assert shown["im_commit_ms_sum"] == pytest.approx(100_009.6)
    assert "# TYPE im_commit_ms histogram" in metrics.render()


def test_samples_of_one_metric_share_a_type_line():
    metrics = Metrics()
    metrics.add('closes_total{code="1012"}')
    metrics.add('closes_total{code="4008"}', 2)
    assert metrics.render().count("# TYPE im_closes_total counter") == 1
    assert samples(metrics) == {
        'im_closes_total{code="1012"}': 1,
        'im_closes_total{code="4008"}': 2,
    }


@pytest.mark.parametrize(
    "use",
    [
        lambda metrics: metrics.add("nonsense_total"),
        lambda metrics: metrics.gauge("nonsense", float),
        lambda metrics: metrics.observe("nonsense_ms", 1),
    ],
)
def test_an_undocumented_metric_name_is_rejected(use):
    with pytest.raises(ValueError, match="nonsense"):
        use(Metrics())


def test_the_reference_page_describes_exactly_the_known_metrics():
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    rows = re.findall(r"^\| `im_(\w+)` \| \S.+ \|$", page, re.MULTILINE)
    assert sorted(rows) == sorted(METRICS)


def test_every_known_metric_is_used_in_the_server():
    code = "".join(
        file.read_text()
        for file in (ROOT / "reference_server").rglob("*.py")
        if file.name != "metrics.py"
    )
    assert {name for name in METRICS if f'"{name}' not in code and f"'{name}" not in code} == set()


def block_the_loop():
    """Make the event loop late."""
    time.sleep(0.15)


async def test_a_blocked_event_loop_is_measured_as_lag():
    lag = LoopLag()
    task = asyncio.create_task(lag.watch())
    await asyncio.sleep(0)
    lag_before = lag.worst_ms()
    block_the_loop()
    await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert lag_before == 0
    assert lag.worst_ms() >= 40
