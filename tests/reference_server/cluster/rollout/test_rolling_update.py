"""The rolling update: one process after the other, until the first failure."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.reference_server.cluster.rollout.rolling_update import RollingRequest, RollingUpdate
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError, StateError


class Process:
    """A component that only records its calls."""

    def __init__(self, calls, name, state="up", environment=None, engine=plan.PYTHON):
        role = name.rpartition("-")[0]
        self.planned = plan.PlannedComponent(name, role, engine, [1], environment)
        self.state = state
        self.broken: Exception | None = None
        self._calls = calls

    async def stop(self):
        self._calls.append((self.planned.name, "stop"))
        await asyncio.sleep(0)

    async def start(self):
        if self.broken:
            raise self.broken
        self._calls.append((self.planned.name, "start"))


@pytest.fixture
def cluster():
    """Two gateways, a held room service, an edge and a store; and the calls that they received."""
    calls = []
    processes = [
        Process(calls, "registry-1", engine=plan.REDIS),
        Process(calls, "room-1", state="held"),
        Process(calls, "gateway-1"),
        Process(calls, "gateway-2"),
        Process(calls, "social-1"),
        Process(calls, "edge-1", environment="blue"),
    ]
    components = {each.planned.name: each for each in processes}
    return SimpleNamespace(components=components), calls


async def ended(update):
    """Wait until the update is over; return its status."""
    while update.status()["state"] == "running":
        await asyncio.sleep(0)
    return update.status()


async def test_processes_are_restarted_one_after_the_other(cluster):
    """Stores, edges and processes that are held are skipped."""
    supervisor, calls = cluster
    update = RollingUpdate(supervisor)
    assert update.status() == {"state": "idle", "steps": [], "error": None}
    update.begin(RollingRequest())
    with pytest.raises(StateError, match="running"):
        update.begin(RollingRequest())
    status = await ended(update)
    names = ["gateway-1", "gateway-2", "social-1"]
    assert calls == [(name, action) for name in names for action in ("stop", "start")]
    assert [(step["component"], step["state"]) for step in status["steps"]] == [
        (name, state) for name in names for state in ("stopping", "up")
    ]
    assert (status["state"], status["error"]) == ("done", None)


async def test_a_process_that_does_not_start_again_ends_the_update(cluster):
    """The remaining processes are not touched."""
    supervisor, calls = cluster
    supervisor.components["gateway-2"].broken = StartError("gateway-2", "exit code 1")
    update = RollingUpdate(supervisor)
    update.begin(RollingRequest(("gateway", "social")))
    status = await ended(update)
    assert (status["state"], status["error"]) == ("failed", "gateway-2: exit code 1")
    assert calls[-1] == ("gateway-2", "stop")


async def test_roles_are_updated_in_the_requested_order(cluster):
    """A role that cannot be updated is named, together with those that can."""
    supervisor, calls = cluster
    update = RollingUpdate(supervisor)
    for role in ("edge", "registry", "nobody"):
        with pytest.raises(ValueError, match=f"found {role}; allowed: room, gateway, social"):
            update.begin(RollingRequest((role,)))
    update.begin(RollingRequest(("social", "gateway")))
    await ended(update)
    assert [name for name, action in calls if action == "stop"] == [
        "social-1",
        "gateway-1",
        "gateway-2",
    ]


async def test_closing_stops_the_update_where_it_is(cluster):
    supervisor, calls = cluster
    update = RollingUpdate(supervisor)
    update.begin(RollingRequest())
    await asyncio.sleep(0)
    await update.close()
    assert ("social-1", "start") not in calls


async def test_an_unexpected_error_ends_the_update_too(cluster):
    """Otherwise it would be `running` for ever, and every later update refused."""
    supervisor, _ = cluster
    supervisor.components["gateway-1"].broken = OSError("no more processes")
    update = RollingUpdate(supervisor)
    update.begin(RollingRequest(("gateway",)))
    async with asyncio.timeout(30):
        status = await ended(update)
    assert (status["state"], status["error"]) == ("failed", "gateway-1: no more processes")
    update.begin(RollingRequest(("social",)))
    assert (await ended(update))["state"] == "done"
