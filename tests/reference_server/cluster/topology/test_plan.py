"""The plan: components, links, and the addresses that each role uses."""

import itertools
import json
from pathlib import Path

import msgspec
import pytest

from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import RequestError

GOLDEN = Path(__file__).parents[3] / "golden" / "cluster"


def make(stack, *, tls=False, **request):
    """Return a plan whose ports count from 20001."""
    numbers = itertools.count(20001)
    return plan.make_plan(
        plan.ClusterRequest(stack, "/data", "/log", **request), lambda: next(numbers), tls=tls
    )


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_the_plan_line_equals_the_golden_file(stack):
    """Documents and faults rely on the names, roles, link names and kinds."""
    assert make(stack).as_json() == json.loads((GOLDEN / f"plan-{stack}.json").read_text())


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_every_link_leads_to_the_component_that_it_names(stack):
    """Names are unique, and the upstream is the address of the component."""
    cluster_plan = make(stack)
    assert len({link.name for link in cluster_plan.links}) == len(cluster_plan.links)
    for link in cluster_plan.links:
        assert link.upstream == cluster_plan.component(link.component).address
        assert link.name == f"{link.source}>{link.component}"


def test_no_port_is_used_twice():
    ports = [port for each in make("full").components for port in each.ports]
    assert len(set(ports)) == len(ports)


def test_there_is_no_link_to_a_service_in_the_same_process():
    """On `full` the gateway hosts the message service, and has the links of that service."""
    names = {link.name for link in make("full").links}
    assert {"gateway>messages-db", "gateway>broker", "edge>gateway-1", "room>gateway-2"} <= names
    assert not any(name.startswith(("message>", "gateway>gateway")) for name in names)


def test_the_request_sets_the_counts_of_edges_spare_edges_and_gateways():
    """Edges count in each environment; only the spare ones are marked."""
    components = make("embedded", edges=3, spare=2, gateways=1).components
    roles = [each.role for each in components]
    assert (roles.count("edge"), roles.count("gateway")) == (10, 1)
    spare = [each.name for each in components if each.spare]
    assert spare == ["edge-blue-4", "edge-blue-5", "edge-green-4", "edge-green-5"]


def test_every_role_of_the_split_layout_has_its_own_links():
    """So a fault can cut one service off from the users DB and leave the others connected."""
    names = {link.name for link in make("full", layout="split").links}
    assert {f"{role}>users-db" for role in ("sessions", "friend", "sticker")} <= names
    assert {"gateway>message-1", "edge>message-1", "message>messages-db"} <= names
    assert not any("social" in name for name in names)


def test_the_stores_of_a_component_follow_from_its_links():
    cluster_plan = make("full")
    assert cluster_plan.stores_of(cluster_plan.component("social-1")) == ["users-db", "registry"]
    assert cluster_plan.stores_of(cluster_plan.component("edge-green-1")) == ["registry", "broker"]
    assert cluster_plan.stores_of(cluster_plan.component("broker")) == []


def test_an_advertised_address_is_used_by_its_source_only():
    """`edge>registry` goes through the proxy while the room service connects directly."""
    cluster_plan = make("embedded")
    advertise = {"edge>registry": "127.0.0.1:9"}
    assert plan.resolve(cluster_plan, advertise, "edge", "registry") == "127.0.0.1:9"
    assert (
        plan.resolve(cluster_plan, advertise, "room", "registry")
        == cluster_plan.component("registry").address
    )


def test_an_unknown_link_cannot_be_advertised():
    """A misspelt link would silently bypass the proxy."""
    with pytest.raises(RequestError, match="edge>nothing"):
        plan.Advertisement({"edge>nothing": "127.0.0.1:1"}).check(make("embedded"))


def test_only_components_with_a_database_to_themselves_have_data():
    """In the layout `split` three processes share the users DB."""
    split = make("embedded", layout="split")
    assert [each.name for each in split.components if split.has_data(each)] == ["message-1"]


def test_a_disk_for_a_component_without_data_is_refused():
    plan.Advertisement({}, {"message-1": "/disks/message-1"}).check(make("embedded"))
    with pytest.raises(RequestError, match="disks: these components keep no data: registry"):
        plan.Advertisement({}, {"registry": "/disks/registry"}).check(make("embedded"))


def test_a_standby_has_the_links_of_its_store_and_one_to_it():
    """So it starts after the store, and everything that uses the store starts after both."""
    found = make("full", standbys=("messages-db",))
    standby = found.component("messages-db-standby")
    assert (standby.role, standby.engine, standby.standby_of) == (
        "messages-db-standby",
        plan.POSTGRES,
        "messages-db",
    )
    assert found.with_standby("messages-db") == ["messages-db", "messages-db-standby"]
    assert found.with_standby("users-db") == ["users-db"]
    to = {
        name: {x.source for x in found.links if x.component == name} for name in STANDBY_AND_STORE
    }
    assert to["messages-db"] - to["messages-db-standby"] == {"messages-db-standby"}
    assert to["messages-db-standby"] == {"gateway"}
    assert found.stores_of(standby) == ["messages-db"]
    assert set(STANDBY_AND_STORE) <= set(found.stores_of(found.component("gateway-1")))


STANDBY_AND_STORE = ("messages-db", "messages-db-standby")


def test_by_default_there_is_no_standby():
    for stack in ("embedded", "full"):
        assert not [each for each in make(stack).components if each.standby_of]


@pytest.mark.parametrize(
    ("stack", "store"), [("embedded", "messages-db"), ("full", "broker"), ("full", "gateway")]
)
def test_what_cannot_have_a_standby_is_refused(stack, store):
    with pytest.raises(ValueError, match=f"cannot have one: {store}"):
        make(stack, standbys=(store,))


def test_variables_for_an_unknown_component_are_refused():
    plan.Advertisement({}, {}, {"registry": {"A": "b"}}).check(make("embedded"))
    with pytest.raises(RequestError, match="no component is named redis"):
        plan.Advertisement({}, {}, {"redis": {"A": "b"}}).check(make("embedded"))


@pytest.mark.parametrize(
    "line",
    [
        '{"stack":"other"}',
        '{"stack":"full","data_dir":"","log_dir":"","edges":0}',
        "[]",
        '{"stack":"full","data_dir":"","log_dir":"","startup_hooks":{"edge@red":["x"]}}',
    ],
)
def test_an_invalid_request_is_refused(line):
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(line, type=plan.ClusterRequest)


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_with_tls_clients_alone_are_led_to_a_second_port(stack):
    """Also on `full`, where a gateway hosts the message service that others call."""
    planned = make(stack, tls=True)
    encrypted = {"http": "https", "ws": "wss"}
    for link, plain in zip(planned.links, make(stack).links, strict=True):
        component = planned.component(link.component)
        if link.source == "client":
            assert (link.kind, link.upstream) == (encrypted[plain.kind], component.client_address)
            assert component.client_address != component.address
        else:
            assert (link.kind, link.upstream) == (plain.kind, component.address)
    ports = [port for each in planned.components for port in (*each.ports, each.client_port)]
    ports = [port for port in ports if port is not None]
    assert len(ports) == len(set(ports))


def test_with_tls_an_address_that_is_advertised_to_clients_replaces_only_their_own():
    planned = make("full", tls=True)
    advertise = {"client>gateway-1": "127.0.0.1:9"}
    gateway, other = (planned.component(f"gateway-{number}") for number in (1, 2))
    assert plan.resolve(planned, advertise, "client", "gateway-1") == "127.0.0.1:9"
    assert plan.resolve(planned, advertise, "client", "gateway-2") == other.client_address
    assert plan.resolve(planned, advertise, "edge", "gateway-1") == gateway.address
