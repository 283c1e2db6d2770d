"""Faults on the real server are proven and healed, for every kind of link and of process."""

import contextlib
import http.client
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
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.runner.link_proxies import LinkProxies
from gauntlet.stacks.reference import ReferenceStack

from .running_stack import SERVICES, JournalInMemory, post

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def rig(request, require_service, tmp_path_factory):
    """A booted stack with every link proxied, controlled as in a run."""
    for service in SERVICES[request.param]:
        require_service(service)
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "logs").mkdir()
    options = {
        "data_dir": str(folder / "data"),
        "log_dir": str(folder / "logs"),
        "edges": 1,
        "startup_hooks": hooks_for([make_fault("crash-after-commit", "message")]),
    }
    stack = ReferenceStack({"stack": request.param, **options}, lambda _event: None)
    proxies = LinkProxies("auto", folder / "logs", seed=1)
    try:
        components, links = stack.plan()
        plan = StackPlan.from_cluster(components, links)
        names = links_to_proxy([], plan, "all")
        ready = stack.start(proxies.open(link for link in links if link.name in names))
        control = ControlClient(ready.control, ready.token)
        context = Context(plan, proxies.links, control, JournalInMemory(), logs=folder / "logs")
        yield SimpleNamespace(name=request.param, context=context, control=control, api=ready.api)
    finally:
        stack.stop()
        proxies.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sending(rig):
    """A thread that sends through the last gateway continuously and ignores errors."""
    stop = threading.Event()
    address = urlsplit(rig.api[-1]).netloc
    token = post(address, "/v1/sessions", {"user": "a", "device": "d"})["token"]

    def send():
        number = 0
        while not stop.wait(0.05):
            number += 1
            with contextlib.suppress(OSError, http.client.HTTPException):
                body = {"client_msg_id": f"m{number}", "body": "x"}
                post(address, "/v1/conversations/d.a.b/messages", body, token)

    sender = threading.Thread(target=send)
    sender.start()
    yield
    stop.set()
    sender.join()


def make_fault(kind, target, **params):
    """Return a fault that begins immediately and is healed as soon as it is proven."""
    return Fault(id="f", kind=kind, target=target, at=FixedTime(0), params=params)


def run_fault(rig, kind, target, **params):
    """Run a timeline of one fault; return the rows of the journal."""
    rig.context.journal.clear()
    faults = [make_fault(kind, target, **params)]
    outcome = Timeline(faults, rig.context, clock.now_ns()).run(threading.Event())
    assert outcome.faults[0].errors == []
    assert (outcome.failed, outcome.unhealed) == ([], [])
    return list(rig.context.journal)


@pytest.mark.parametrize(
    ("kind", "target"),
    [("kill", "gateway"), ("kill", "message"), ("kill", "registry"), ("pause", "edge")],
)
def test_a_killed_or_paused_process_is_up_after_the_heal(rig, kind, target):
    rows = run_fault(rig, kind, target)
    (victim,) = rows[1]["detail"]["components"]
    assert rows[1]["proof"][victim]["process"] == ("stopped" if kind == "pause" else "gone")
    assert rows[-1]["proof"] == {victim: "up"}
    assert rig.control.components()[victim].state == "up"


def test_a_failed_broker_refuses_connections_until_the_heal(rig):
    rows = run_fault(rig, "broker-failure", "broker")
    assert rows[1]["proof"]["broker"]["port"] == "refused"
    assert rig.control.components()["broker"].state == "up"


TARGETS = ("client>gateway", "client>edge", "edge>broker", "edge>registry", "edge>message")
STORES = {"embedded": (), "full": ("gateway>messages-db", "social>users-db")}


@pytest.mark.parametrize("kind", ["latency", "partition", "stall", "drop", "slow-close"])
def test_a_link_fault_is_proven_on_links_of_every_protocol(rig, kind):
    """HTTP, WebSocket, Redis, AMQP and PostgreSQL."""
    for target in (*TARGETS, *STORES[rig.name]):
        rows = run_fault(rig, kind, target)
        assert [row["step"] for row in rows] == [
            "requested", "effective", "heal-requested", "healed",
        ]  # fmt: skip
        assert rows[1]["proof"]["during"]


def test_the_states_of_a_cutover_are_journalled(rig):
    """From blue to green and back, each from its first state to `done`."""
    before = rig.control.cutover().environment
    for _ in range(2):
        rows = run_fault(rig, "cutover", "edge", drain="500ms")
        states = [row["state"] for row in rows if row["kind"] == "cutover"]
        assert states[0] == "prepare"
        assert states[-1] == "done"
        assert len(states) == len(set(states))
    assert rig.control.cutover().environment == before


def test_a_run_that_is_stopped_during_the_drain_rolls_the_cutover_back(rig):
    before = rig.control.cutover().environment
    stop = threading.Event()

    class StopAtDrain(JournalInMemory):
        """A journal that stops the run as soon as the drain begins."""

        def write(self, kind, *, t_ns=None, **fields):
            super().write(kind, t_ns=t_ns, **fields)
            if fields.get("state") == "drain":
                stop.set()

    context = replace(rig.context, journal=StopAtDrain())
    fault = make_fault("cutover", "edge", drain="2s", canaries=False)
    outcome = Timeline([fault], context, clock.now_ns()).run(stop)
    assert outcome.unhealed == []
    assert rig.control.cutover().environment == before
    assert rig.control.cutover().state == "rolled-back"


def test_the_edges_fill_a_flushed_registry_again(rig):
    """They notice that their leases are gone, and write them again."""
    rows = run_fault(rig, "flush", "registry")
    assert rows[1]["proof"]["keys_after"] == 0
    assert 0 < rows[1]["proof"]["keys_before"] <= 2 * rows[-1]["proof"]["keys"]


def test_a_message_service_crashes_between_commit_and_publish_and_restarts(rig, sending):
    """Its last log line names the message that it had committed."""
    rows = run_fault(rig, "crash-after-commit", message_component(rig))
    ((name, proof),) = rows[1]["proof"].items()
    assert proof["last_words"].startswith("committed and not published: d.a.b ")
    assert rows[-1]["proof"] == {name: "up"}


def message_component(rig):
    """Return the component that stores the sends of `sending`; on `full`, a gateway does."""
    return "gateway-2" if rig.name == "full" else "message"


def test_rabbitmq_blocks_publishers_by_an_alarm(rig, sending):
    if rig.name != "full":
        pytest.skip("the broker of this stack is not RabbitMQ")
    rows = run_fault(rig, "block", "broker")
    assert rows[1]["proof"]["alarms"] == 1
    assert rows[-1]["proof"] == {"alarms": 0, "blocked_connections": 0}


def test_a_scale_out_starts_the_spare_edge_and_a_scale_in_drains_the_first(rig):
    rows = run_fault(rig, "scale-out", "edge")
    ((new, proof),) = rows[1]["proof"].items()
    assert (new, proof["port"]) == ("edge-blue-2", "open")
    rows = run_fault(rig, "scale-in", "edge", drain="500ms")
    assert rows[-1]["proof"] == {"edge-blue-1": "planned"}
    components = rig.control.components()
    assert {name for name, component in components.items() if component.state == "up"} >= {new}


def test_a_rolling_update_restarts_every_gateway_and_service_but_no_edge(rig):
    before = {name: component.pid for name, component in rig.control.components().items()}
    rows = run_fault(rig, "rolling-update", "gateway")
    after = rig.control.components()
    restarted = {name for name, component in after.items() if component.pid != before[name]}
    assert restarted == set(rows[-1]["proof"])
    assert {"gateway-1", "gateway-2", "room-1"} <= restarted
    assert not any(after[name].role == "edge" for name in restarted)
