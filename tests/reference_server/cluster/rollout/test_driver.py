"""Migrations with edges that fail, hang or are absent: every migration ends."""

import asyncio
from types import SimpleNamespace

import pytest

from gauntlet.reference_server.cluster.rollout import canary, edge_stats
from gauntlet.reference_server.cluster.rollout import driver as cutover_driver
from gauntlet.reference_server.cluster.rollout.cutover import FINAL, Limits
from gauntlet.reference_server.cluster.rollout.driver import CutoverDriver, CutoverRequest
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StateError

TO_GREEN = CutoverRequest(to="green", drain_ms=50)


class Cluster:
    """Edges, a gateway and a sessions service that answer immediately; records all calls."""

    def __init__(self) -> None:
        self.components = {
            name: self._component(name)
            for name in ("gateway-1", "sessions-1", "edge-blue-1", "edge-blue-2", "edge-green-1")
        }
        self.plan = plan.Plan("embedded", [each.planned for each in self.components.values()], [])
        self.calls: list[tuple[str, str]] = []
        # By (component, path): how many calls fail from now on.
        self.failing: dict[tuple[str, str], float] = {}
        # How many clients every edge reports: clients that ignore the reconnect requests.
        self.connections = 0
        self.draining = {name: False for name in self.components if "edge" in name}
        self["edge-green-1"].state = "planned"

    def __getitem__(self, name):
        return self.components[name]

    def group(self, name):
        components = self.components.values()
        return [
            each for each in components if name in (each.planned.environment, each.planned.name)
        ]

    async def start(self, names):
        for name in names:
            self[name].state = "up"

    async def call(self, _http, component, path, **data):
        """Replaces `edge_stats.call_internal`."""
        target = (component.name, path)
        self.calls.append(target)
        if self.failing.get(target, 0) > 0:
            self.failing[target] -= 1
            raise edge_stats.CallError(f"{component.name} {path}: silent")
        if path == "environment":
            self.calls[-1] = (path, data["json"]["environment"])
        elif path != "stats":
            self.draining[component.name] = path == "drain"
        return self._stats(component.name)

    def _stats(self, name):
        # `told` is part of the answer to a drain.
        draining = self.draining.get(name, False)
        stats = {"connections": self.connections, "draining": draining, "told": 0}
        return dict.fromkeys(edge_stats._NO_STATS, 0) | stats

    def _component(self, name):
        role = name.split("-")[0]
        environment = name.split("-")[1] if role == "edge" else None
        planned = plan.PlannedComponent(name, role, plan.PYTHON, [1], environment, (role,))
        component = SimpleNamespace(planned=planned, state="up")

        async def stop():
            component.state = "held"

        component.stop = stop
        component.retire = lambda: setattr(component, "state", "planned")
        return component


@pytest.fixture
def cluster(monkeypatch):
    """Two edges of blue, one of green, which is planned."""
    fake = Cluster()
    monkeypatch.setattr(edge_stats, "call_internal", fake.call)
    monkeypatch.setattr(cutover_driver, "_OBSERVE_INTERVAL_S", 0.01)
    monkeypatch.setattr(canary, "verify", _verified)
    return fake


@pytest.fixture
async def driver(cluster):
    """A driver of the cluster's migrations, without waiting times."""
    wiring = SimpleNamespace(
        address=lambda _source, name: name,
        api_url=lambda address: f"http://{address}",
        websocket_url=lambda address: f"ws://{address}/v1/ws",
        certificates=None,
    )
    driver = CutoverDriver(cluster, wiring, None)
    driver._limits = Limits(settle_ms=0, monitor_ms=100)
    yield driver
    await driver.close()


async def ended(driver):
    """Wait until the migration is over; return its status."""
    async with asyncio.timeout(30):
        while (status := await driver.status())["state"] not in FINAL:
            await asyncio.sleep(0.01)
    return status


async def _verified(_api, old_urls, new_urls, _tls):
    pass


async def test_a_cutover_switches_drains_and_retires_the_old_edges(cluster, driver):
    driver.begin(TO_GREEN)
    status = await ended(driver)
    assert (status["state"], status["environment"], status["error"]) == ("done", "green", None)
    assert [cluster[f"edge-blue-{number}"].state for number in (1, 2)] == ["planned", "planned"]
    assert cluster["edge-green-1"].state == "up"


async def test_an_unexpected_error_fails_its_step_and_rolls_back(
    cluster, driver, monkeypatch, caplog
):
    """It is logged with its traceback, and the next migration may begin."""

    async def broken(*_):
        raise ZeroDivisionError("integer modulo by zero")

    monkeypatch.setattr(canary, "verify", broken)
    driver.begin(TO_GREEN)
    status = await ended(driver)
    assert status["state"] == "rolled-back"
    assert status["error"] == "ZeroDivisionError('integer modulo by zero')"
    assert "in broken" in caplog.text
    monkeypatch.setattr(canary, "verify", _verified)
    driver.begin(TO_GREEN)
    assert (await ended(driver))["state"] == "done"


async def test_a_new_edge_that_cannot_start_causes_a_rollback(cluster, driver, monkeypatch, caplog):
    """The reason is reported; an expected error is not logged."""

    async def refused(_names):
        raise StateError("edge-green-1 is paused; resume it")

    monkeypatch.setattr(cluster, "start", refused)
    driver.begin(TO_GREEN)
    status = await ended(driver)
    outcome = (status["state"], status["error"])
    assert outcome == ("rolled-back", "edge-green-1 is paused; resume it")
    assert not caplog.text


@pytest.fixture
def short_retries(monkeypatch):
    """A rollback retries its commands for half a second only."""
    monkeypatch.setattr(cutover_driver, "_ROLLBACK_RETRY_S", 0.5)


async def begin_and_reach(driver, state):
    """Begin a cutover that no client follows immediately, and wait for a state."""
    driver.begin(CutoverRequest(to="green", drain_ms=3000))
    async with asyncio.timeout(30):
        while (await driver.status())["state"] != state:
            await asyncio.sleep(0.01)


async def assert_rollback_survives(cluster, driver, call, times):
    """Roll back a cutover during its drain while one call fails so many times."""
    cluster.connections = 1
    await begin_and_reach(driver, "drain")
    cluster.failing[call] = times
    driver.roll_back()
    status = await ended(driver)
    assert (status["state"], status["environment"]) == ("rolled-back", "blue")


async def test_a_rollback_retries_a_sessions_service_that_fails_shortly(cluster, driver):
    await assert_rollback_survives(cluster, driver, ("sessions-1", "environment"), 2)
    assert cluster.calls.count(("environment", "blue")) == 1


async def test_one_old_edge_that_hangs_does_not_stop_a_rollback(cluster, driver):
    """The other edge accepts clients again; the one that hangs is asked until it answers."""
    await assert_rollback_survives(cluster, driver, ("edge-blue-1", "undrain"), 3)
    assert cluster.draining["edge-blue-1"] is cluster.draining["edge-blue-2"] is False
    switched = cluster.calls.index(("environment", "blue"))
    assert ("edge-blue-2", "undrain") in cluster.calls[:switched]
    assert cluster.calls[switched:].count(("edge-blue-1", "undrain")) == 3


async def test_an_old_edge_that_was_paused_is_undrained_once_it_resumes(cluster, driver):
    """For as long as the rollback is running."""
    cluster.connections = 1
    await begin_and_reach(driver, "drain")
    cluster["edge-blue-1"].state = "paused"
    driver.roll_back()
    async with asyncio.timeout(30):
        while ("edge-green-1", "drain") not in cluster.calls:
            await asyncio.sleep(0.01)
    assert cluster.draining["edge-blue-1"]
    cluster["edge-blue-1"].state = "up"
    await ended(driver)
    assert not cluster.draining["edge-blue-1"]


@pytest.mark.parametrize("reason", ["hung", "held"])
async def test_a_rollback_fails_if_no_old_edge_accepts_clients(
    cluster, driver, short_retries, reason
):
    """Logins and clients stay where they are served."""
    cluster.connections = 1
    await begin_and_reach(driver, "drain")
    for name in ("edge-blue-1", "edge-blue-2"):
        if reason == "hung":
            cluster.failing[name, "undrain"] = float("inf")
        else:
            cluster[name].state = "held"
    driver.roll_back()
    status = await ended(driver)
    assert (status["state"], status["environment"]) == ("failed", "green")
    errors = {"hung": "edge-blue-1 undrain: silent", "held": "no edge of blue is running"}
    assert status["error"] == errors[reason]
    assert cluster["edge-green-1"].state == "up"


async def test_before_a_rollback_a_failed_command_is_not_retried(cluster, driver):
    """A rollback is possible, and clients are waiting."""
    cluster.failing["sessions-1", "environment"] = 1
    driver.begin(TO_GREEN)
    status = await ended(driver)
    outcome = (status["state"], status["error"])
    assert outcome == ("rolled-back", "sessions-1 environment: silent")


async def test_a_new_edge_that_stops_answering_causes_a_rollback(cluster, driver):
    """Its process still exists, so only the missing answers reveal it."""
    cluster.connections = 1
    await begin_and_reach(driver, "drain")
    cluster.failing["edge-green-1", "stats"] = float("inf")
    status = await ended(driver)
    outcome = (status["state"], status["environment"], status["error"])
    assert outcome == ("rolled-back", "blue", "edge-green-1: not running, or not answering")
