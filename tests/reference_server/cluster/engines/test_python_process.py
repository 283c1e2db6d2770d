"""The configuration line of each process: which addresses and databases it contains."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from gauntlet.reference_server.cluster.engines import catalog
from gauntlet.reference_server.cluster.engines.python_process import Wiring, config, launch_spec
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.core.config import ClientTls, Settings, parse_config
from gauntlet.reference_server.core.tls import Certificates


def make_wiring(stack, advertise=None, layout="default", certificates=None, standbys=(), **hooks):
    """Return the wiring of a planned cluster whose ports count from 20001."""
    numbers = itertools.count(20001)
    cluster_plan = plan.make_plan(
        plan.ClusterRequest(stack, "/data", "/log", layout=layout, standbys=standbys),
        lambda: next(numbers),
        tls=certificates is not None,
    )
    return Wiring(
        cluster_plan, advertise or {}, Path("/data"), "s", "t", "p", Settings(), hooks, certificates
    )


def config_of(wiring, name):
    """Return the configuration of one component."""
    return config(wiring.plan.component(name), wiring)


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_the_server_accepts_every_configuration_line(stack, tmp_path):
    wiring = make_wiring(stack)
    for component in wiring.plan.components:
        if component.engine == plan.PYTHON:
            line = launch_spec(component, wiring, tmp_path / "log").stdin
            assert line.endswith(b"\n")
            read = parse_config(line)
            assert (read.name, read.services) == (component.name, component.services)


def test_each_role_uses_its_own_addresses():
    """Only its source uses a proxied link; all roles use the addresses of `client` for clients."""
    wiring = make_wiring(
        "embedded",
        {
            "gateway>message-1": "127.0.0.1:9001",
            "edge>registry": "127.0.0.1:9002",
            "client>gateway-1": "127.0.0.1:9003",
            "client>edge-green-2": "127.0.0.1:9004",
        },
    )
    message = wiring.plan.component("message-1").address
    registry = wiring.plan.component("registry").address
    assert config_of(wiring, "gateway-2").urls.message == ("http://127.0.0.1:9001",)
    assert config_of(wiring, "edge-blue-1").urls.message == (f"http://{message}",)
    assert config_of(wiring, "edge-blue-1").registry == "redis://:p@127.0.0.1:9002"
    assert config_of(wiring, "room-1").registry == f"redis://:p@{registry}"
    social = config_of(wiring, "social-1").urls
    assert social.api[0] == "http://127.0.0.1:9003"
    green = {edge.name: edge.url for edge in social.edges if edge.environment == "green"}
    assert list(green) == ["edge-green-1", "edge-green-2", "edge-green-3"]
    assert green["edge-green-2"] == "ws://127.0.0.1:9004/v1/ws"


def test_only_the_services_that_use_a_database_know_its_url():
    """No other process can open a SQLite file by mistake."""
    wiring = make_wiring("embedded")
    assert config_of(wiring, "message-1").messages_db == "sqlite:////data/messages.db"
    assert config_of(wiring, "social-1").users_db == "sqlite:////data/users.db"
    assert (
        config_of(wiring, "social-1").messages_db
        == config_of(wiring, "gateway-1").messages_db
        == ""
    )


def test_the_database_of_a_component_with_a_disk_is_on_it():
    wiring = replace(make_wiring("embedded"), disks={"message-1": "/disks/message-1"})
    assert config_of(wiring, "message-1").messages_db == "sqlite:////disks/message-1/messages.db"
    assert config_of(wiring, "social-1").users_db == "sqlite:////data/users.db"


def test_the_data_folder_of_a_store_with_a_disk_is_there():
    wiring = replace(make_wiring("full"), disks={"users-db": "/disks/users-db"})
    folders = {each.name: str(wiring.data_dir_of(each)) for each in wiring.plan.components}
    assert (folders["users-db"], folders["messages-db"]) == ("/disks", "/data")


def test_the_full_stack_uses_postgresql_and_amqp():
    """Over the links of the gateway, which hosts the message service there."""
    wiring = make_wiring("full", {"gateway>messages-db": "127.0.0.1:9005"})
    gateway = config_of(wiring, "gateway-1")
    assert gateway.messages_db == "postgresql://im:p@127.0.0.1:9005/postgres"
    assert gateway.bus == f"amqp://im:p@{wiring.plan.component('broker').address}"


def test_startup_hooks_reach_only_the_hosts_of_their_service():
    wiring = make_wiring("full", message=("bug",))
    assert config_of(wiring, "gateway-1").startup_hooks == {"message": ("bug",)}
    assert config_of(wiring, "room-1").startup_hooks == {}


def test_startup_hooks_can_be_for_one_environment_only():
    wiring = make_wiring("embedded", **{"edge": ("both",), "edge@green": ("broken",)})
    assert config_of(wiring, "edge-green-1").startup_hooks == {"edge": ("both", "broken")}
    assert config_of(wiring, "edge-blue-1").startup_hooks == {"edge": ("both",)}


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_services_in_separate_processes_know_their_databases(stack):
    """Sessions, friend and sticker share the users DB, whichever process each of them is in."""
    wiring = make_wiring(stack, layout="split")
    for name in ("sessions-1", "friend-1", "sticker-1"):
        assert config_of(wiring, name).users_db
        assert not config_of(wiring, name).messages_db
    assert config_of(wiring, "message-1").messages_db


def test_with_tls_only_gateways_and_edges_get_the_certificate():
    """The other processes call them without TLS, and give clients addresses with it."""
    certificates = Certificates(Path("/ca"), Path("/cert"), Path("/key"))
    wiring = make_wiring("full", {"client>gateway-1": "127.0.0.1:9"}, certificates=certificates)
    for name in ("gateway-2", "edge-blue-1"):
        planned = wiring.plan.component(name)
        assert config_of(wiring, name).tls == ClientTls(planned.client_port, "/cert", "/key")
    social = config_of(wiring, "social-1")
    assert social.tls is None
    second = wiring.plan.component("gateway-2").client_address
    assert social.urls.api == ("https://127.0.0.1:9", f"https://{second}")
    assert {edge.url.partition(":")[0] for edge in social.urls.edges} == {"wss"}
    assert config_of(wiring, "edge-blue-1").urls.message == tuple(
        f"http://{wiring.plan.component(name).address}" for name in ("gateway-1", "gateway-2")
    )


def test_clients_of_a_store_with_a_standby_know_both():
    wiring = make_wiring("full", standbys=("messages-db", "registry"))
    config = config_of(wiring, "gateway-1")
    db, db_standby, registry, replica = (
        wiring.plan.component(name).address
        for name in ("messages-db", "messages-db-standby", "registry", "registry-standby")
    )
    assert config.messages_db == (
        f"postgresql://im:p@{db},{db_standby}/postgres?target_session_attrs=read-write"
    )
    assert config.registry == f"redis://:p@{registry},redis://:p@{replica}"
    users_db = wiring.plan.component("users-db").address
    assert config_of(wiring, "social-1").users_db == f"postgresql://im:p@{users_db}/postgres"


def test_a_standby_follows_its_store_over_their_link_and_the_store_follows_it_directly():
    wiring = make_wiring(
        "full", {"registry-standby>registry": "127.0.0.1:9"}, standbys=("registry",)
    )
    pairs = catalog._pairs(wiring)
    assert pairs["registry"] is pairs["registry-standby"]
    assert pairs["registry"].is_primary("registry")
    assert pairs["registry"].source("registry-standby") == ("127.0.0.1", 9)
    port = wiring.plan.component("registry-standby").port
    assert pairs["registry"].source("registry") == ("127.0.0.1", port)


def test_variables_of_a_component_are_added_to_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(
        catalog.STORES, plan.REDIS, lambda *_: LaunchSpec(("redis",), tmp_path, {"HOME": "/h"})
    )
    wiring = replace(make_wiring("embedded"), environment={"registry": {"A": "b"}})
    specs = catalog.make_launch_specs(wiring, tmp_path)
    assert specs["registry"].env == {"HOME": "/h", "A": "b"}
    assert specs["broker"].env == {"HOME": "/h"}
    assert specs["gateway-1"].env == {}
