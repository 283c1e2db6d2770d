"""What the edges say, added up by group; a short silence changes nothing, a long one is a fall."""

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
    """A component of the environment in its name."""
    planned = plan.PlannedComponent(name, "edge", plan.PYTHON, [1], name.split("-")[1])
    return SimpleNamespace(planned=planned, state=state)


@pytest.fixture
def watch(monkeypatch):
    """Two edges of blue, one of them paused, one of green; `watch.says[name]` is what each says."""
    found = [edge("edge-blue-1"), edge("edge-blue-2", "paused"), edge("edge-green-1")]
    says = {each.planned.name: dict(STATS) for each in found}

    async def call(_http, component, path):
        assert path == "stats"
        await asyncio.sleep(0.001)
        if component.name not in says:
            raise edge_stats.CallError("silent")
        return says[component.name]

    monkeypatch.setattr(edge_stats, "call_internal", call)
    group = lambda name: [  # noqa: E731 - a stand-in of one line
        each for each in found if name in (each.planned.environment, each.planned.name)
    ]
    made = EdgeStats(SimpleNamespace(group=group), None)
    made.says = says
    return made


async def test_connections_are_counted_by_edge_and_by_environment(watch):
    """The rest is of the heirs alone: the worst time, all handshakes."""
    watch.says["edge-green-1"].update(connections=9, loop_lag_ms=7.0, handshake_p99_ms=1.0)
    seen = await watch.observe(["edge-blue-1", "edge-green-1"])
    assert seen.connections == {"blue": 3, "green": 9, "edge-blue-1": 3, "edge-green-1": 9}
    assert (seen.handshake_p99_ms, seen.loop_lag_ms) == (20.0, 7.0)
    assert (seen.handshakes, seen.handshakes_failed, seen.down) == (60, 4, ())
    assert watch.forced_closes() == 2


async def test_an_heir_that_does_not_run_is_down(watch):
    """Paused ones too."""
    assert (await watch.observe(["edge-blue-1", "edge-blue-2"])).down == ("edge-blue-2",)


async def test_an_heir_that_stays_silent_is_down(watch):
    """Frozen, it still has a process; one answer in between makes it sound again."""
    heirs = ["edge-blue-1", "edge-green-1"]
    said = watch.says.pop("edge-green-1")
    looks = [(await watch.observe(heirs)).down for _ in range(edge_stats.SILENT_READS_MAX)]
    assert looks == [(), (), ("edge-green-1",)]
    watch.says["edge-green-1"] = said
    assert (await watch.observe(heirs)).down == ()
    del watch.says["edge-green-1"]
    assert (await watch.observe(heirs)).down == ()


async def test_looks_at_the_same_time_miss_one_answer(watch):
    """However many ask for the status meanwhile, one slow answer is one."""
    del watch.says["edge-green-1"]
    looks = await asyncio.gather(*(watch.observe(["edge-green-1"]) for _ in range(5)))
    assert [seen.down for seen in looks] == [()] * 5


async def test_a_watch_that_begins_anew_forgets_silence(watch):
    """The next move counts for itself."""
    del watch.says["edge-green-1"]
    for _ in range(edge_stats.SILENT_READS_MAX):
        await watch.observe(["edge-green-1"])
    watch.reset()
    assert (await watch.observe(["edge-green-1"])).down == ()


async def test_an_edge_that_is_silent_is_as_it_was(watch):
    """Until the watch begins anew."""
    await watch.observe([])
    del watch.says["edge-green-1"]
    assert (await watch.observe([])).connections["green"] == 3
    watch.reset()
    assert (await watch.observe([])).connections["green"] == 0


def test_what_a_process_renders_is_read_back():
    """Names without their prefix, comments passed over."""
    metrics = Metrics()
    metrics.add("sends_total", 3)
    metrics.gauge("loop_lag_ms", lambda: 1.5)
    assert edge_stats.parse_metrics(metrics.render()) == {"sends_total": 3.0, "loop_lag_ms": 1.5}


async def test_silence_is_an_error_for_calls_and_nothing_for_metrics():
    """A metric may be missing; an order may not."""
    async with aiohttp.ClientSession() as http:
        assert await edge_stats.read_metrics(http, UNREACHABLE_EDGE) is None
        with pytest.raises(edge_stats.CallError, match="edge-blue-1 stats"):
            await edge_stats.call_internal(http, UNREACHABLE_EDGE, "stats")
