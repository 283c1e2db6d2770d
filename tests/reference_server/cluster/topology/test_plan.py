"""The plan: golden components and links, and the addresses that each role is given."""

import itertools
import json
from pathlib import Path

import msgspec
import pytest

from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import RequestError

GOLDEN = Path(__file__).parents[3] / "golden" / "cluster"


def make(stack, **request):
    """A plan whose ports count from 20001."""
    numbers = itertools.count(20001)
    return plan.make_plan(
        plan.ClusterRequest(stack, "/data", "/log", **request), lambda: next(numbers)
    )


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_the_plan_line_is_golden(stack):
    """Names, roles, link names and kinds are what the documents, and the faults, rely on."""
    assert make(stack).as_json() == json.loads((GOLDEN / f"plan-{stack}.json").read_text())


@pytest.mark.parametrize("stack", ["embedded", "full"])
def test_every_link_leads_to_the_component_that_it_names(stack):
    """Names are unique, and the upstream is where the component listens."""
    made = make(stack)
    assert len({link.name for link in made.links}) == len(made.links)
    for link in made.links:
        assert link.upstream == made.component(link.component).address
        assert link.name == f"{link.source}>{link.component}"


def test_no_port_is_given_twice():
    """Private ports count too."""
    ports = [port for each in make("full").components for port in each.ports]
    assert len(set(ports)) == len(ports)


def test_the_message_service_beside_the_gateway_is_reached_over_no_link():
    """On `full` the gateway calls it in its own process, and inherits its links."""
    names = {link.name for link in make("full").links}
    assert {"gateway>messages-db", "gateway>broker", "edge>gateway-1", "room>gateway-2"} <= names
    assert not any(name.startswith(("message>", "gateway>gateway")) for name in names)


def test_counts_are_as_requested():
    """Edges and spare ones count in each environment; only the spare ones are marked."""
    components = make("embedded", edges=3, spare=2, gateways=1).components
    roles = [each.role for each in components]
    assert (roles.count("edge"), roles.count("gateway")) == (10, 1)
    spare = [each.name for each in components if each.spare]
    assert spare == ["edge-blue-4", "edge-blue-5", "edge-green-4", "edge-green-5"]


def test_every_role_of_the_split_layout_has_its_own_links():
    """So a fault can cut one service from the users DB and leave the others."""
    names = {link.name for link in make("full", layout="split").links}
    assert {f"{role}>users-db" for role in ("sessions", "friend", "sticker")} <= names
    assert {"gateway>message-1", "edge>message-1", "message>messages-db"} <= names
    assert not any("social" in name for name in names)


def test_stores_come_before_those_who_need_them():
    """Needs follow from links, and hold stores only."""
    made = make("full")
    assert made.stores_of(made.component("social-1")) == ["users-db", "registry"]
    assert made.stores_of(made.component("edge-green-1")) == ["registry", "broker"]
    assert made.stores_of(made.component("broker")) == []


def test_an_advertised_address_serves_its_source_only():
    """`edge>registry` goes through the proxy while the room service goes straight."""
    made = make("embedded")
    advertise = {"edge>registry": "127.0.0.1:9"}
    assert plan.resolve(made, advertise, "edge", "registry") == "127.0.0.1:9"
    assert plan.resolve(made, advertise, "room", "registry") == made.component("registry").address


def test_an_unknown_link_cannot_be_advertised():
    """A misspelt link would silently go unproxied."""
    with pytest.raises(RequestError, match="edge>nothing"):
        plan.check_advertise(make("embedded"), {"edge>nothing": "127.0.0.1:1"})


@pytest.mark.parametrize(
    "line",
    [
        '{"stack":"other"}',
        '{"stack":"full","data_dir":"","log_dir":"","edges":0}',
        "[]",
        '{"stack":"full","data_dir":"","log_dir":"","startup_hooks":{"edge@red":["x"]}}',
    ],
)
def test_a_bad_request_is_refused(line):
    """Before anything is planned."""
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(line, type=plan.ClusterRequest)
