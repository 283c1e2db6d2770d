"""Targets: the components and links that a scenario's targets stand for."""

from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults.targets import (
    StackPlan,
    first_by_name,
    is_link,
    links_between,
    links_to_proxy,
    resolve_components,
    resolve_links,
)
from gauntlet.core.errors import ConfigError


@pytest.fixture
def plan(stack):
    """A stack in which every role has its own process."""
    return stack.context.plan


@pytest.fixture
def full_plan():
    """A stack in which the gateways host the message service."""
    links = [
        SimpleNamespace(name="edge>gateway-1", source="edge", component="gateway-1", kind="http"),
        SimpleNamespace(name="gateway>broker", source="gateway", component="broker", kind="amqp"),
    ]
    return StackPlan({"gateway-1": "gateway", "edge-blue-1": "edge", "broker": "broker"}, links)


def link_names(links):
    """The names of links, in their order."""
    return [link.name for link in links]


def test_plan_is_read_from_the_cluster_s_line():
    """The roles come from the components of the `plan` line; the links are not changed."""
    plan = StackPlan.from_cluster(
        [{"name": "gateway-1", "role": "gateway", "environment": None}], []
    )
    assert plan == StackPlan({"gateway-1": "gateway"}, [])


def test_a_role_stands_for_all_of_its_components(plan):
    """In the order of their names."""
    assert resolve_components("edge", plan) == ["edge-blue-1", "edge-blue-2", "edge-green-1"]


def test_the_name_of_a_component_stands_for_that_component(plan):
    """Also if the name is the name of the role."""
    assert resolve_components("gateway-2", plan) == ["gateway-2"]
    assert resolve_components("broker", plan) == ["broker"]


@pytest.mark.parametrize(
    ("database", "owner"), [("messages-db", "message"), ("users-db", "social")]
)
def test_a_database_without_a_process_stands_for_the_service_that_owns_its_file(database, owner):
    embedded = StackPlan({"message": "message", "social": "social"}, [])
    assert resolve_components(database, embedded) == [owner]
    full = StackPlan({"gateway-1": "gateway", "social": "social", database: database}, [])
    assert resolve_components(database, full) == [database]


def test_a_link_may_lead_to_a_role_or_to_a_component(plan):
    """`source>role` stands for the links to all components of the role."""
    assert link_names(resolve_links("client>gateway", plan)) == [
        "client>gateway-1",
        "client>gateway-2",
    ]
    assert link_names(resolve_links("client>edge-blue-2", plan)) == ["client>edge-blue-2"]
    assert is_link("client>gateway")
    assert not is_link("gateway")


def test_message_stands_for_the_gateways_if_they_host_it(full_plan):
    """As target, source and destination of a link, for example on `full`."""
    assert resolve_components("message", full_plan) == ["gateway-1"]
    assert link_names(resolve_links("message>broker", full_plan)) == ["gateway>broker"]
    assert link_names(resolve_links("edge>message", full_plan)) == ["edge>gateway-1"]


def test_sessions_friend_and_sticker_stand_for_social_unless_they_are_split():
    """Only the layout `split` gives each service its own process."""
    shared = StackPlan({"social-1": "social"}, [])
    split = StackPlan({"friend-1": "friend", "sticker-1": "sticker"}, [])
    for role in ("sessions", "friend", "sticker"):
        assert resolve_components(role, shared) == ["social-1"]
    assert resolve_components("friend", split) == ["friend-1"]


@pytest.mark.parametrize("target", ["users-db", "edge>users-db", "room>broker", "message>message"])
def test_a_target_that_does_not_exist_is_refused(plan, target):
    """The message lists what the stack has."""
    look_up = resolve_links if is_link(target) else resolve_components
    with pytest.raises(ConfigError, match="which has: "):
        look_up(target, plan)


def test_only_links_that_faults_act_on_go_through_a_proxy(plan, spec):
    """Links of several faults add up; a fault on processes needs none."""
    faults = [
        spec("kill", "gateway"),
        spec("latency", "edge>broker"),
        spec("disconnect", "client>edge"),
    ]
    assert links_to_proxy(faults, plan, "needed") == {
        "edge>broker",
        "client>edge-blue-1",
        "client>edge-blue-2",
        "client>edge-green-1",
    }


def test_mode_all_routes_every_link_through_a_proxy(plan):
    """Even without any fault."""
    assert links_to_proxy([], plan, "all") == {link.name for link in plan.links}


def test_mode_none_refuses_faults_that_need_a_proxy(plan, spec):
    """The fault could not act."""
    assert links_to_proxy([spec("kill", "gateway")], plan, "none") == set()
    with pytest.raises(ConfigError, match="needs a proxy"):
        links_to_proxy([spec("latency", "edge>broker")], plan, "none")


@pytest.mark.parametrize("mode", ["needed", "all", "none"])
def test_the_target_of_every_fault_is_resolved(plan, spec, mode):
    """A target that does not exist is reported before any component starts."""
    with pytest.raises(ConfigError, match="users-db"):
        links_to_proxy([spec("kill", "users-db")], plan, mode)


def test_the_first_names_in_alphabetical_order_are_selected():
    """The same components are affected in every run of a scenario."""
    assert first_by_name({"gateway-2", "gateway-1", "gateway-3"}, 2) == ["gateway-1", "gateway-2"]
    assert first_by_name(["broker"], 2) == ["broker"]


@pytest.mark.parametrize(
    ("groups", "links"),
    [
        ({"a": ["edge"], "b": ["broker"]}, ["edge>broker"]),
        ({"a": ["edge", "registry"], "b": ["broker"]}, ["edge>broker"]),
        ({"a": ["client"], "b": ["edge-blue-1"]}, ["client>edge-blue-1"]),
        (
            {"a": ["client", "broker"], "b": ["edge-blue-1", "edge-blue-2", "edge-green-1"]},
            [
                "client>edge-blue-1",
                "client>edge-blue-2",
                "client>edge-green-1",
                "edge>broker",
            ],
        ),
        # The gateways are in no group, so they reach the message service.
        ({"a": ["edge"], "b": ["broker", "message"]}, ["edge>broker"]),
    ],
)
def test_groups_stand_for_the_links_between_them(plan, spec, groups, links):
    assert link_names(links_between(groups, plan)) == links
    fault = spec("partition", "", groups=groups)
    assert links_to_proxy([fault], plan, "needed") == set(links)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"a": ["edge-blue-1"], "b": ["broker"]}, "all of edge-blue-1, edge-blue-2, edge-green-1"),
        ({"a": ["edge"], "b": ["edge-blue-1"]}, "edge-blue-1 in one group; it is in a and in b"),
        ({"a": ["registry"], "b": ["broker"]}, "no link connects a and b"),
        ({"a": ["edge"], "b": ["broker"], "c": ["gateway"]}, "no link connects a and c"),
        ({"a": ["edge"], "b": ["edge-9"]}, "matches no component"),
    ],
)
def test_groups_that_cannot_be_cut_apart_are_refused(plan, spec, groups, message):
    with pytest.raises(ConfigError, match=message):
        links_to_proxy([spec("partition", "", groups=groups)], plan, "needed")


def test_a_partition_between_groups_needs_a_proxy(plan, spec):
    fault = spec("partition", "", groups={"a": ["edge"], "b": ["broker"]})
    with pytest.raises(ConfigError, match="acts on edge>broker, which needs a proxy"):
        links_to_proxy([fault], plan, "none")
