"""Statistics of the edges by group, unanswered reads, and the calls to the cluster's processes."""

import asyncio
from types import SimpleNamespace

import aiohttp
import pytest

from gauntlet.reference_server.cluster.rollout import edge_stats
from gauntlet.reference_server.cluster.rollout.edge_stats import EdgeStats
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.core.metrics import Metrics

STATS = {
    "connections": 3,
    "forced_closes": 1,
    "handshake_p99_ms": 20.0,
    "loop_lag_ms": 5.0,
    "handshakes": 30,
    "handshakes_failed": 2,
    "draining": False,
}


UNREACHABLE_EDGE = plan.PlannedComponent("edge-blue-1", "edge", plan.PYTHON, [1])


def edge(name, state="up"):
    """Return an edge of the environment in its name."""
    planned = plan.PlannedComponent(name, "edge", plan.PYTHON, [1], name.split("-")[1])
    return SimpleNamespace(planned=planned, state=state)


@pytest.fixture
def stats(monkeypatch):
    """Two blue edges, one of them paused, and a green one; `stats.answers` has their answers."""
    edges = [edge("edge-blue-1"), edge("edge-blue-2", "paused"), edge("edge-green-1")]
    answers = {each.planned.name: dict(STATS) for each in edges}

    async def call(_http, component, path):
        assert path == "stats"
        await asyncio.sleep(0.001)
        if component.name not in answers:
            raise edge_stats.CallError("silent")
        return answers[component.name]

    monkeypatch.setattr(edge_stats, "call_internal", call)
    group = lambda name: [  # noqa: E731 - a stand-in of one line
        each for each in edges if name in (each.planned.environment, each.planned.name)
    ]
    edge_statistics = EdgeStats(SimpleNamespace(group=group), None)
    edge_statistics.answers = answers
    return edge_statistics


async def test_connections_are_counted_by_edge_and_by_environment(stats):
    """The other values describe the targets only: the worst time, the sum of handshakes."""
    stats.answers["edge-green-1"].update(connections=9, loop_lag_ms=7.0, handshake_p99_ms=1.0)
    observed = await stats.observe(["edge-blue-1", "edge-green-1"])
    assert observed.connections == {"blue": 3, "green": 9, "edge-blue-1": 3, "edge-green-1": 9}
    assert (observed.handshake_p99_ms, observed.loop_lag_ms) == (20.0, 7.0)
    assert (observed.handshakes, observed.handshakes_failed, observed.down) == (60, 4, ())
    assert stats.forced_closes() == 2


async def test_a_target_that_is_paused_is_down(stats):
    assert (await stats.observe(["edge-blue-1", "edge-blue-2"])).down == ("edge-blue-2",)


async def test_a_target_is_down_after_three_unanswered_reads_in_a_row(stats):
    """A frozen edge still has a process; one answer makes it healthy again."""
    targets = ["edge-blue-1", "edge-green-1"]
    answer = stats.answers.pop("edge-green-1")
    down = [(await stats.observe(targets)).down for _ in range(edge_stats.SILENT_READS_MAX)]
    assert down == [(), (), ("edge-green-1",)]
    stats.answers["edge-green-1"] = answer
    assert (await stats.observe(targets)).down == ()
    del stats.answers["edge-green-1"]
    assert (await stats.observe(targets)).down == ()


async def test_concurrent_reads_of_a_slow_edge_count_as_one_unanswered_read(stats):
    del stats.answers["edge-green-1"]
    observations = await asyncio.gather(*(stats.observe(["edge-green-1"]) for _ in range(5)))
    assert [observed.down for observed in observations] == [()] * 5


async def test_a_reset_discards_unanswered_reads(stats):
    del stats.answers["edge-green-1"]
    for _ in range(edge_stats.SILENT_READS_MAX):
        await stats.observe(["edge-green-1"])
    stats.reset()
    assert (await stats.observe(["edge-green-1"])).down == ()


async def test_an_edge_that_does_not_answer_keeps_its_last_values_until_a_reset(stats):
    await stats.observe([])
    del stats.answers["edge-green-1"]
    assert (await stats.observe([])).connections["green"] == 3
    stats.reset()
    assert (await stats.observe([])).connections["green"] == 0


def test_rendered_metrics_are_parsed_without_their_prefix():
    metrics = Metrics()
    metrics.add("sends_total", 3)
    metrics.gauge("loop_lag_ms", lambda: 1.5)
    assert edge_stats.parse_metrics(metrics.render()) == {"sends_total": 3.0, "loop_lag_ms": 1.5}


async def test_an_unreachable_process_fails_a_call_and_has_no_metrics():
    async with aiohttp.ClientSession() as http:
        assert await edge_stats.read_metrics(http, UNREACHABLE_EDGE) is None
        with pytest.raises(edge_stats.CallError, match="edge-blue-1 stats"):
            await edge_stats.call_internal(http, UNREACHABLE_EDGE, "stats")
