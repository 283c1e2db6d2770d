"""What a move does with edges that fail, hang or are away: it always comes to an end."""

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
    """Edges, a gateway and sessions that answer at once, and what each was asked."""

    def __init__(self) -> None:
        self.components = {
            name: self._component(name)
            for name in ("gateway-1", "sessions-1", "edge-blue-1", "edge-blue-2", "edge-green-1")
        }
        self.plan = plan.Plan("embedded", [each.planned for each in self.components.values()], [])
        self.asked: list[tuple[str, str]] = []
        # By (component, path): how many calls fail from now on.
        self.failing: dict[tuple[str, str], float] = {}
        # Whoever is told to go goes at once, unless there are clients that do not listen.
        self.connections = 0
        self.draining = {name: False for name in self.components if "edge" in name}
        self["edge-green-1"].state = "planned"

    def __getitem__(self, name):
        return self.components[name]

    def group(self, name):
        every = self.components.values()
        return [each for each in every if name in (each.planned.environment, each.planned.name)]

    async def start(self, names):
        for name in names:
            self[name].state = "up"

    async def call(self, _http, component, path, **data):
        """Replaces `edge_stats.call_internal`."""
        order = (component.name, path)
        self.asked.append(order)
        if self.failing.get(order, 0) > 0:
            self.failing[order] -= 1
            raise edge_stats.CallError(f"{component.name} {path}: silent")
        if path == "environment":
            self.asked[-1] = (path, data["json"]["environment"])
        elif path != "stats":
            self.draining[component.name] = path == "drain"
        return self._stats(component.name)

    def _stats(self, name):
        # `told` is part of the answer to a drain.
        draining = self.draining.get(name, False)
        seen = {"connections": self.connections, "draining": draining, "told": 0}
        return dict.fromkeys(edge_stats._NO_STATS, 0) | seen

    def _component(self, name):
        role = name.split("-")[0]
        environment = name.split("-")[1] if role == "edge" else None
        planned = plan.PlannedComponent(name, role, plan.PYTHON, [1], environment, (role,))
        made = SimpleNamespace(planned=planned, state="up")

        async def stop():
            made.state = "held"

        made.stop, made.retire = stop, lambda: setattr(made, "state", "planned")
        return made


@pytest.fixture
def cluster(monkeypatch):
    """Two edges of blue, one of green, which is planned."""
    made = Cluster()
    monkeypatch.setattr(edge_stats, "call_internal", made.call)
    monkeypatch.setattr(cutover_driver, "_OBSERVE_INTERVAL_S", 0.01)
    monkeypatch.setattr(canary, "verify", _verified)
    return made


@pytest.fixture
async def driver(cluster):
    """A driver of the cluster's moves, without its pauses."""
    wiring = SimpleNamespace(address=lambda _source, name: name)
    made = CutoverDriver(cluster, wiring, None)
    made._limits = Limits(settle_ms=0, monitor_ms=100)
    yield made
    await made.close()


async def ended(driver):
    """Wait until the move is over; returns its record."""
    async with asyncio.timeout(5):
        while (status := await driver.status())["state"] not in FINAL:
            await asyncio.sleep(0.01)
    return status


async def _verified(_api, old_urls, new_urls):
    pass


async def test_a_cutover_moves_everybody(cluster, driver):
    """New connections are switched, the old edges drained and ended."""
    driver.begin(TO_GREEN)
    status = await ended(driver)
    assert (status["state"], status["environment"], status["error"]) == ("done", "green", None)
    assert [cluster[f"edge-blue-{number}"].state for number in (1, 2)] == ["planned", "planned"]
    assert cluster["edge-green-1"].state == "up"


async def test_what_nobody_expected_fails_its_step(cluster, driver, monkeypatch, caplog):
    """It is logged with its traceback, the way back is taken, and the next move may begin."""

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


async def test_an_heir_that_cannot_start_sends_everybody_back(cluster, driver, monkeypatch, caplog):
    """With its own reason, and nothing in the log: it was expected."""

    async def refused(_names):
        raise StateError("edge-green-1 is paused; resume it")

    monkeypatch.setattr(cluster, "start", refused)
    driver.begin(TO_GREEN)
    status = await ended(driver)
    told = (status["state"], status["error"])
    assert told == ("rolled-back", "edge-green-1 is paused; resume it")
    assert not caplog.text


@pytest.fixture
def impatient(monkeypatch):
    """The way back tries for half a second."""
    monkeypatch.setattr(cutover_driver, "_ROLLBACK_RETRY_S", 0.5)


async def reaches(driver, state):
    """Begin a cutover that nobody follows at once, and wait until it is there."""
    driver.begin(CutoverRequest(to="green", drain_ms=1000))
    async with asyncio.timeout(5):
        while (await driver.status())["state"] != state:
            await asyncio.sleep(0.01)


async def goes_back(cluster, driver, call, times):
    """A cutover is called back in its drain; one call fails so often, and it comes back."""
    cluster.connections = 1
    await reaches(driver, "drain")
    cluster.failing[call] = times
    driver.roll_back()
    status = await ended(driver)
    assert (status["state"], status["environment"]) == ("rolled-back", "blue")


async def test_the_way_back_outlives_a_short_failure(cluster, driver, impatient):
    """Sessions that restart are asked again until they answer."""
    await goes_back(cluster, driver, ("sessions-1", "environment"), 2)
    assert cluster.asked.count(("environment", "blue")) == 1


async def test_one_edge_that_hangs_keeps_nobody_from_going_back(cluster, driver, impatient):
    """The edge after it accepts again and logins go there; who hung is told when it answers."""
    await goes_back(cluster, driver, ("edge-blue-1", "undrain"), 3)
    assert cluster.draining["edge-blue-1"] is cluster.draining["edge-blue-2"] is False
    switched = cluster.asked.index(("environment", "blue"))
    assert ("edge-blue-2", "undrain") in cluster.asked[:switched]
    assert cluster.asked[switched:].count(("edge-blue-1", "undrain")) == 3


async def test_an_edge_that_was_paused_is_told_when_it_goes_on(cluster, driver, impatient):
    """As long as the way back lasts, whoever new connections are sent to must not drain."""
    cluster.connections = 1
    await reaches(driver, "drain")
    cluster["edge-blue-1"].state = "paused"
    driver.roll_back()
    async with asyncio.timeout(5):
        while ("edge-green-1", "drain") not in cluster.asked:
            await asyncio.sleep(0.01)
    assert cluster.draining["edge-blue-1"]
    cluster["edge-blue-1"].state = "up"
    await ended(driver)
    assert not cluster.draining["edge-blue-1"]


@pytest.mark.parametrize("reason", ["hung", "held"])
async def test_a_way_back_to_nobody_fails_in_the_end(cluster, driver, impatient, reason):
    """With no old edge that accepts, logins and clients stay where they are served."""
    cluster.connections = 1
    await reaches(driver, "drain")
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


async def test_on_the_way_there_a_failure_is_not_tried_again(cluster, driver):
    """There is a way back, and clients wait."""
    cluster.failing["sessions-1", "environment"] = 1
    driver.begin(TO_GREEN)
    status = await ended(driver)
    told = (status["state"], status["error"])
    assert told == ("rolled-back", "sessions-1 environment: silent")


async def test_an_heir_that_freezes_sends_everybody_back(cluster, driver):
    """Its process is there, so that only its silence tells."""
    cluster.connections = 1
    await reaches(driver, "drain")
    cluster.failing["edge-green-1", "stats"] = float("inf")
    status = await ended(driver)
    told = (status["state"], status["environment"], status["error"])
    assert told == ("rolled-back", "blue", "edge-green-1: not running, or not answering")
