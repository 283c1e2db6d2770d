"""The configuration line of each process: whom it reaches, and how."""

import itertools
from pathlib import Path

import pytest

from gauntlet.reference_server.cluster.engines.python_process import Wiring, config, launch_spec
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.core.config import Settings, parse_config


def wiring(stack, advertise=None, layout="default", **hooks):
    """The wiring of a planned cluster whose ports count from 20001."""
    numbers = itertools.count(20001)
    made = plan.make_plan(
        plan.ClusterRequest(stack, "/data", "/log", layout=layout), lambda: next(numbers)
    )
    return Wiring(made, advertise or {}, Path("/data"), "s", "t", Settings(), hooks)


def of(wired, name):
    """The configuration of one component."""
    return config(wired.plan.component(name), wired)


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_every_line_is_understood_by_the_process(stack, tmp_path):
    """What is written is what the server's own reader accepts."""
    wired = wiring(stack)
    for component in wired.plan.components:
        if component.engine == plan.PYTHON:
            line = launch_spec(component, wired, tmp_path / "log").stdin
            assert line.endswith(b"\n")
            read = parse_config(line)
            assert (read.name, read.services) == (component.name, component.services)


def test_each_role_is_told_its_own_addresses():
    """A proxied link is seen by its source alone; clients' addresses by all."""
    wired = wiring(
        "embedded",
        {
            "gateway>message-1": "127.0.0.1:9001",
            "edge>registry": "127.0.0.1:9002",
            "client>gateway-1": "127.0.0.1:9003",
            "client>edge-green-2": "127.0.0.1:9004",
        },
    )
    message = wired.plan.component("message-1").address
    registry = wired.plan.component("registry").address
    assert of(wired, "gateway-2").urls.message == ("http://127.0.0.1:9001",)
    assert of(wired, "edge-blue-1").urls.message == (f"http://{message}",)
    assert of(wired, "edge-blue-1").registry == "redis://127.0.0.1:9002"
    assert of(wired, "room-1").registry == f"redis://{registry}"
    social = of(wired, "social-1").urls
    assert social.api[0] == "http://127.0.0.1:9003"
    green = {edge.name: edge.url for edge in social.edges if edge.environment == "green"}
    assert list(green) == ["edge-green-1", "edge-green-2", "edge-green-3"]
    assert green["edge-green-2"] == "ws://127.0.0.1:9004/v1/ws"


def test_a_database_is_known_to_its_users_only():
    """Nobody else could open a SQLite file by mistake."""
    wired = wiring("embedded")
    assert of(wired, "message-1").messages_db == "sqlite:////data/messages.db"
    assert of(wired, "social-1").users_db == "sqlite:////data/users.db"
    assert of(wired, "social-1").messages_db == of(wired, "gateway-1").messages_db == ""


def test_full_has_postgres_and_amqp():
    """On the links of the gateway, which hosts the message service there."""
    wired = wiring("full", {"gateway>messages-db": "127.0.0.1:9005"})
    gateway = of(wired, "gateway-1")
    assert gateway.messages_db == "postgresql://im@127.0.0.1:9005/postgres"
    assert gateway.bus == f"amqp://{wired.plan.component('broker').address}"


def test_hooks_reach_the_hosts_of_their_service():
    """And no other process."""
    wired = wiring("full", message=("bug",))
    assert of(wired, "gateway-1").startup_hooks == {"message": ("bug",)}
    assert of(wired, "room-1").startup_hooks == {}


def test_hooks_can_be_for_one_environment_alone():
    """A broken green beside a whole blue."""
    wired = wiring("embedded", **{"edge": ("both",), "edge@green": ("broken",)})
    assert of(wired, "edge-green-1").startup_hooks == {"edge": ("both", "broken")}
    assert of(wired, "edge-blue-1").startup_hooks == {"edge": ("both",)}


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_services_on_their_own_open_their_databases(stack):
    """Sessions, friend and sticker share the users DB, whichever process each is in."""
    wired = wiring(stack, layout="split")
    for name in ("sessions-1", "friend-1", "sticker-1"):
        assert of(wired, name).users_db
        assert not of(wired, name).messages_db
    assert of(wired, "message-1").messages_db
