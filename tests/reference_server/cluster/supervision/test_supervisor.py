"""All components together: order of the start, failures, clean-up."""

import sys
from dataclasses import replace

import pytest

from gauntlet.reference_server.cluster.supervision import supervisor
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import RequestError, StartError, StateError


@pytest.fixture
def two(planned, web_server):
    """A plan in which `caller` connects to `store`; their launch specifications; the events."""
    # In these tests the store is a web server too.
    caller, store = planned("caller"), planned("store")
    cluster_plan = plan.Plan(
        "embedded",
        [caller, store],
        [plan.PlannedLink("caller>store", "caller", "store", "redis", store.address)],
    )
    events = []
    launches = {each.name: web_server(each) for each in cluster_plan.components}
    return cluster_plan, launches, events


def supervise(two):
    """Return a supervisor that appends its events to the list."""
    cluster_plan, launches, events = two
    return supervisor.Supervisor(cluster_plan, launches, lambda *event: events.append(event[:2]))


async def test_a_component_starts_after_the_stores_that_it_uses(two, monkeypatch):
    monkeypatch.setattr(plan.Plan, "stores_of", lambda _, each: ["store"] * (each.name == "caller"))
    cluster = supervise(two)
    try:
        await cluster.start(["caller", "store"])
        assert two[2] == [("store", "started"), ("caller", "started")]
    finally:
        await cluster.stop()
    assert all(each.pid is None for each in cluster.components.values())


async def test_the_failure_of_one_component_ends_the_start_of_all(two):
    """The error names the component that failed."""
    cluster_plan, launches, events = two
    bad = replace(launches["store"], argv=(sys.executable, "-c", "exit(9)"))
    slow = replace(launches["caller"], argv=("sleep", "60"))
    cluster = supervise((cluster_plan, {"store": bad, "caller": slow}, events))
    with pytest.raises(StartError, match="exit code 9") as caught:
        await cluster.start(["caller", "store"])
    assert caught.value.component == "store"
    await cluster.stop()
    assert all(each.pid is None for each in cluster.components.values())


async def test_of_several_failures_one_is_raised_and_not_their_group(two):
    """The caller reports one component; a group would reach the terminal as a traceback."""
    cluster_plan, launches, events = two
    failing = {
        name: replace(each, argv=(sys.executable, "-c", "exit(9)"))
        for name, each in launches.items()
    }
    cluster = supervise((cluster_plan, failing, events))
    with pytest.raises(StartError, match="exit code 9"):
        await cluster.start(["caller", "store"])
    await cluster.stop()


async def test_an_unexpected_error_keeps_its_group_and_traceback(two, monkeypatch):
    """A bug must not be reported as a component that failed to start."""

    async def broken(_component):
        raise KeyError("a bug")

    monkeypatch.setattr(supervisor.Component, "start", broken)
    cluster = supervise(two)
    with pytest.raises(ExceptionGroup) as caught:
        await cluster.start(["caller", "store"])
    assert {type(error) for error in caught.value.exceptions} == {KeyError}


async def test_a_start_that_takes_too_long_names_the_component_that_is_late(two, monkeypatch):
    """The whole start is limited, not only that of each component."""
    monkeypatch.setattr(supervisor, "START_TIMEOUT_S", 0.5)
    cluster_plan, launches, events = two
    slow = replace(launches["caller"], argv=("sleep", "60"))
    cluster = supervise((cluster_plan, {**launches, "caller": slow}, events))
    with pytest.raises(StartError, match="not healthy") as caught:
        await cluster.start(["caller", "store"])
    assert caught.value.component == "caller"
    await cluster.stop()


async def test_a_paused_component_is_reported_as_a_state_error(two):
    """Not as a group of errors."""
    cluster = supervise(two)
    try:
        await cluster["caller"].start()
        cluster["caller"].pause()
        with pytest.raises(StateError, match="caller is paused"):
            await cluster.start(["caller", "store"])
    finally:
        await cluster.stop()


async def test_stopping_cleans_up_after_each_component_once(two):
    cleaned = []
    cluster_plan, launches, events = two
    tidy = replace(launches["store"], clean_up=lambda: cleaned.append("store"))
    await supervise((cluster_plan, {**launches, "store": tidy}, events)).stop()
    assert cleaned == ["store"]


def test_an_unknown_component_is_an_error_that_names_it(two):
    with pytest.raises(RequestError, match="nobody"):
        supervise(two)["nobody"]
