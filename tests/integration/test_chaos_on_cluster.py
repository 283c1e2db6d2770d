"""Faults on the real server: every kind of link and of process, proven and healed."""

import contextlib
import http.client
import json
import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from gauntlet.chaos.clients.cluster_control import ControlClient
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import StackPlan, links_to_proxy
from gauntlet.chaos.server_hooks.faults import hooks_for
from gauntlet.chaos.timeline import Timeline
from gauntlet.core import clock
from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.runner.link_proxies import LinkProxies
from gauntlet.stacks.reference import ReferenceStack

pytestmark = pytest.mark.integration

SERVICES = {"embedded": ("redis",), "full": ("redis", "rabbitmq", "postgres")}


class Rows(list):
    """A journal in memory."""

    def write(self, kind, *, t_ns=None, **fields):
        """Append a row."""
        self.append({"kind": kind, **fields})


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def rig(request, require_service, tmp_path_factory):
    """A booted stack whose every link goes through a proxy, steered as a run steers it."""
    for service in SERVICES[request.param]:
        require_service(service)
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "logs").mkdir()
    wanted = {
        "data_dir": str(folder / "data"),
        "log_dir": str(folder / "logs"),
        "edges": 1,
        "startup_hooks": hooks_for([make("crash-after-commit", "message")]),
    }
    stack = ReferenceStack({"stack": request.param, **wanted}, lambda _event: None)
    proxies = LinkProxies("auto", folder / "logs", seed=1)
    try:
        components, links = stack.plan()
        plan = StackPlan.from_cluster(components, links)
        names = links_to_proxy([], plan, "all")
        ready = stack.start(proxies.open(link for link in links if link.name in names))
        control = ControlClient(ready.control, ready.token)
        context = Context(plan, proxies.links, control, Rows(), logs=folder / "logs")
        yield SimpleNamespace(name=request.param, context=context, control=control, api=ready.api)
    finally:
        stack.stop()
        proxies.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sending(rig):
    """Somebody who sends through the last gateway all the time, whatever it answers."""
    stop = threading.Event()
    address = urlsplit(rig.api[-1]).netloc
    token = ask(address, "/v1/sessions", {"user": "a", "device": "d"})["token"]

    def send():
        number = 0
        while not stop.wait(0.05):
            number += 1
            with contextlib.suppress(OSError, http.client.HTTPException):
                body = {"client_msg_id": f"m{number}", "body": "x"}
                ask(address, "/v1/conversations/d.a.b/messages", body, token)

    sender = threading.Thread(target=send)
    sender.start()
    yield
    stop.set()
    sender.join()


def ask(address, path, body, token=""):
    """One POST; the decoded answer."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {token}"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def make(kind, target, **params):
    """A fault that begins at once, and is healed as soon as it is proven."""
    return Fault(id="f", kind=kind, target=target, at=Duration(0), params=params)


def run(rig, kind, target, **params):
    """One fault on a timeline of its own; the journal's rows."""
    rig.context.journal.clear()
    faults = [make(kind, target, **params)]
    outcome = Timeline(faults, rig.context, clock.now_ns()).run(threading.Event())
    assert outcome.faults[0].errors == []
    assert (outcome.failed, outcome.unhealed) == ([], [])
    return list(rig.context.journal)


@pytest.mark.parametrize(
    ("kind", "target"),
    [("kill", "gateway"), ("kill", "message"), ("kill", "registry"), ("pause", "edge")],
)
def test_processes_go_down_and_come_back(rig, kind, target):
    """Each is gone or stopped while the fault lasts, and up after it."""
    rows = run(rig, kind, target)
    (victim,) = rows[1]["detail"]["components"]
    assert rows[1]["proof"][victim]["process"] == ("stopped" if kind == "pause" else "gone")
    assert rows[-1]["proof"] == {victim: "up"}
    assert rig.control.components()[victim].state == "up"


def test_the_broker_dies_and_comes_back(rig):
    """Redis or RabbitMQ: gone, refused, and healthy again."""
    rows = run(rig, "broker-failure", "broker")
    assert rows[1]["proof"]["broker"]["port"] == "refused"
    assert rig.control.components()["broker"].state == "up"


TARGETS = ("client>gateway", "client>edge", "edge>broker", "edge>registry", "edge>message")
STORES = {"embedded": (), "full": ("gateway>messages-db", "social>users-db")}


@pytest.mark.parametrize("kind", ["latency", "partition"])
def test_every_kind_of_link_can_be_slow_or_silent(rig, kind):
    """HTTP, WebSocket, Redis, AMQP and PostgreSQL links all show the fault and its heal."""
    for target in (*TARGETS, *STORES[rig.name]):
        rows = run(rig, kind, target)
        assert [row["step"] for row in rows] == [
            "requested", "effective", "heal-requested", "healed",
        ]  # fmt: skip
        assert rows[1]["proof"]["probe"]


def test_a_cutover_there_and_back_is_journalled(rig):
    """Blue to green, then green to blue: each from its first state to `done`."""
    before = rig.control.cutover().environment
    for _ in range(2):
        rows = run(rig, "cutover", "edge", drain="500ms")
        states = [row["state"] for row in rows if row["kind"] == "cutover"]
        assert states[0] == "prepare"
        assert states[-1] == "done"
        assert len(states) == len(set(states))
    assert rig.control.cutover().environment == before


def test_a_stopped_run_takes_a_cutover_back(rig):
    """A stop while clients are told to move ends where the cutover began."""
    before = rig.control.cutover().environment
    stop = threading.Event()

    class StopAtDrain(Rows):
        """A journal that stops the run as soon as clients are moved."""

        def write(self, kind, *, t_ns=None, **fields):
            super().write(kind, t_ns=t_ns, **fields)
            if fields.get("state") == "drain":
                stop.set()

    context = replace(rig.context, journal=StopAtDrain())
    fault = make("cutover", "edge", drain="2s", canaries=False)
    outcome = Timeline([fault], context, clock.now_ns()).run(stop)
    assert outcome.unhealed == []
    assert rig.control.cutover().environment == before
    assert rig.control.cutover().state == "rolled-back"


def test_a_registry_is_emptied_and_filled_by_the_edges(rig):
    """The edges notice that their leases are gone, and write them again."""
    rows = run(rig, "flush", "registry")
    assert rows[1]["proof"]["keys_after"] == 0
    assert 0 < rows[1]["proof"]["keys_before"] <= 2 * rows[-1]["proof"]["keys"]


def test_a_message_service_dies_between_commit_and_publish(rig, sending):
    """It names what it had committed, is gone by itself, and comes back."""
    rows = run(rig, "crash-after-commit", host_of_messages(rig))
    ((name, proof),) = rows[1]["proof"].items()
    assert proof["last_words"].startswith("committed and not published: d.a.b ")
    assert rows[-1]["proof"] == {name: "up"}


def host_of_messages(rig):
    """The component that `sending` reaches: on `full` its gateway hosts the message service."""
    return "gateway-2" if rig.name == "full" else "message"


def test_rabbitmq_blocks_whoever_publishes(rig, sending):
    """RabbitMQ's own alarm, raised and cleared in the node."""
    if rig.name != "full":
        pytest.skip("the broker of this stack is no RabbitMQ")
    rows = run(rig, "block", "broker")
    assert rows[1]["proof"]["alarms"] == 1
    assert rows[-1]["proof"] == {"alarms": 0, "blocked_connections": 0}


def test_one_more_edge_and_one_less(rig):
    """The spare edge of the environment in use comes up; then the first one is drained."""
    rows = run(rig, "scale-out", "edge")
    ((new, proof),) = rows[1]["proof"].items()
    assert (new, proof["port"]) == ("edge-blue-2", "open")
    rows = run(rig, "scale-in", "edge", drain="500ms")
    assert rows[-1]["proof"] == {"edge-blue-1": "planned"}
    assert {name for name, its in rig.control.components().items() if its.state == "up"} >= {new}


def test_every_gateway_and_service_is_restarted_in_turn(rig):
    """Other processes than before, everything up, edges untouched."""
    before = {name: its.pid for name, its in rig.control.components().items()}
    rows = run(rig, "rolling-update", "gateway")
    after = rig.control.components()
    restarted = {name for name, its in after.items() if its.pid != before[name]}
    assert restarted == set(rows[-1]["proof"])
    assert {"gateway-1", "gateway-2", "room-1"} <= restarted
    assert not any(its.role == "edge" for name, its in after.items() if name in restarted)
