"""The rolling update: one after the other, nothing that rests, and a failure is the end."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.reference_server.cluster.rollout.rolling_update import RollingRequest, RollingUpdate
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError, StateError


class Process:
    """A component that does no more than say what was asked of it."""

    def __init__(self, told, name, state="up", environment=None, engine=plan.PYTHON):
        role = name.rpartition("-")[0]
        self.planned = plan.PlannedComponent(name, role, engine, [1], environment)
        self.state = state
        self.broken: Exception | None = None
        self._told = told

    async def stop(self):
        self._told.append((self.planned.name, "stop"))
        await asyncio.sleep(0)

    async def start(self):
        if self.broken:
            raise self.broken
        self._told.append((self.planned.name, "start"))


@pytest.fixture
def cluster():
    """Two gateways, a held room service, an edge, a store; what they were told."""
    told = []
    found = [
        Process(told, "registry-1", engine=plan.REDIS),
        Process(told, "room-1", state="held"),
        Process(told, "gateway-1"),
        Process(told, "gateway-2"),
        Process(told, "social-1"),
        Process(told, "edge-1", environment="blue"),
    ]
    components = {each.planned.name: each for each in found}
    return SimpleNamespace(components=components), told


async def ended(update):
    """Wait until it no longer runs; its status."""
    while update.status()["state"] == "running":
        await asyncio.sleep(0)
    return update.status()


async def test_one_after_the_other_and_nothing_that_rests(cluster):
    """Each ends and starts before the next; stores, edges and what is held are left alone."""
    supervisor, told = cluster
    update = RollingUpdate(supervisor)
    assert update.status() == {"state": "idle", "steps": [], "error": None}
    update.begin(RollingRequest())
    with pytest.raises(StateError, match="running"):
        update.begin(RollingRequest())
    status = await ended(update)
    names = ["gateway-1", "gateway-2", "social-1"]
    assert told == [(name, act) for name in names for act in ("stop", "start")]
    assert [(step["component"], step["state"]) for step in status["steps"]] == [
        (name, state) for name in names for state in ("stopping", "up")
    ]
    assert (status["state"], status["error"]) == ("done", None)


async def test_one_that_does_not_come_back_ends_it(cluster):
    """The others keep running what they ran."""
    supervisor, told = cluster
    supervisor.components["gateway-2"].broken = StartError("gateway-2", "exit code 1")
    update = RollingUpdate(supervisor)
    update.begin(RollingRequest(("gateway", "social")))
    status = await ended(update)
    assert (status["state"], status["error"]) == ("failed", "gateway-2: exit code 1")
    assert told[-1] == ("gateway-2", "stop")


async def test_roles_are_updated_in_the_order_asked_for(cluster):
    """And a role that cannot be updated is named with those that can."""
    supervisor, told = cluster
    update = RollingUpdate(supervisor)
    for role in ("edge", "registry", "nobody"):
        with pytest.raises(ValueError, match=f"found {role}; allowed: room, gateway, social"):
            update.begin(RollingRequest((role,)))
    update.begin(RollingRequest(("social", "gateway")))
    await ended(update)
    assert [name for name, act in told if act == "stop"] == ["social-1", "gateway-1", "gateway-2"]


async def test_it_stops_where_it_is_when_the_cluster_ends(cluster):
    """No process is started any more."""
    supervisor, told = cluster
    update = RollingUpdate(supervisor)
    update.begin(RollingRequest())
    await asyncio.sleep(0)
    await update.close()
    assert ("social-1", "start") not in told


async def test_an_error_that_nobody_foresaw_ends_it_too(cluster):
    """Else it would be `running` for good, and every later one refused."""
    supervisor, _ = cluster
    supervisor.components["gateway-1"].broken = OSError("no more processes")
    update = RollingUpdate(supervisor)
    update.begin(RollingRequest(("gateway",)))
    async with asyncio.timeout(2):
        status = await ended(update)
    assert (status["state"], status["error"]) == ("failed", "gateway-1: no more processes")
    update.begin(RollingRequest(("social",)))
    assert (await ended(update))["state"] == "done"
