"""Targets: which components and links a scenario's words stand for."""

from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults.targets import (
    StackPlan,
    is_link,
    links_to_proxy,
    pick,
    resolve_components,
    resolve_links,
)
from gauntlet.core.errors import ConfigError


@pytest.fixture
def plan(world):
    """A stack in which every role has a process of its own."""
    return world.context.plan


@pytest.fixture
def full_plan():
    """A stack in which the gateways host the message service."""
    links = [
        SimpleNamespace(name="edge>gateway-1", source="edge", component="gateway-1", kind="http"),
        SimpleNamespace(name="gateway>broker", source="gateway", component="broker", kind="amqp"),
    ]
    return StackPlan({"gateway-1": "gateway", "edge-blue-1": "edge", "broker": "broker"}, links)


def names(links):
    """The links' names, in their order."""
    return [link.name for link in links]


def test_plan_is_read_from_the_cluster_s_line():
    """The roles come from the plan's components, the links are taken as they are."""
    plan = StackPlan.from_cluster(
        [{"name": "gateway-1", "role": "gateway", "environment": None}], []
    )
    assert plan == StackPlan({"gateway-1": "gateway"}, [])


def test_a_role_stands_for_all_its_components(plan):
    """A role names every component of it, by name."""
    assert resolve_components("edge", plan) == ["edge-blue-1", "edge-blue-2", "edge-green-1"]


def test_a_component_stands_for_itself(plan):
    """A component's name names it alone, also where name and role are one word."""
    assert resolve_components("gateway-2", plan) == ["gateway-2"]
    assert resolve_components("broker", plan) == ["broker"]


def test_a_link_may_end_at_a_role_or_a_component(plan):
    """`source>role` names every link to the role, `source>component` the one."""
    assert names(resolve_links("client>gateway", plan)) == ["client>gateway-1", "client>gateway-2"]
    assert names(resolve_links("client>edge-blue-2", plan)) == ["client>edge-blue-2"]
    assert is_link("client>gateway")
    assert not is_link("gateway")


def test_message_means_the_gateways_where_they_host_it(full_plan):
    """A scenario's `message`, as target, source or destination, works on `full` too."""
    assert resolve_components("message", full_plan) == ["gateway-1"]
    assert names(resolve_links("message>broker", full_plan)) == ["gateway>broker"]
    assert names(resolve_links("edge>message", full_plan)) == ["edge>gateway-1"]


def test_sessions_friend_and_sticker_mean_social_unless_they_are_split():
    """A scenario of the split layout names services; elsewhere they live in one process."""
    shared = StackPlan({"social-1": "social"}, [])
    split = StackPlan({"friend-1": "friend", "sticker-1": "sticker"}, [])
    for role in ("sessions", "friend", "sticker"):
        assert resolve_components(role, shared) == ["social-1"]
    assert resolve_components("friend", split) == ["friend-1"]


@pytest.mark.parametrize("target", ["users-db", "edge>users-db", "room>broker", "message>message"])
def test_a_target_that_is_not_there_is_refused(plan, target):
    """A target that names nothing of the stack is bad configuration, and says what there is."""
    look_up = resolve_links if is_link(target) else resolve_components
    with pytest.raises(ConfigError, match="which has: "):
        look_up(target, plan)


def test_only_links_that_faults_act_on_are_needed(plan, spec):
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


def test_mode_all_takes_every_link(plan):
    """`all` leads every link through a proxy, without any fault."""
    assert links_to_proxy([], plan, "all") == {link.name for link in plan.links}


def test_mode_none_takes_no_link_and_refuses_faults_that_need_one(plan, spec):
    """`none` with a fault on a link is bad configuration: the fault could never act."""
    assert links_to_proxy([spec("kill", "gateway")], plan, "none") == set()
    with pytest.raises(ConfigError, match="needs a proxy"):
        links_to_proxy([spec("latency", "edge>broker")], plan, "none")


@pytest.mark.parametrize("mode", ["needed", "all", "none"])
def test_every_fault_s_target_is_looked_up(plan, spec, mode):
    """A fault on processes that this stack does not have is found before anything starts."""
    with pytest.raises(ConfigError, match="users-db"):
        links_to_proxy([spec("kill", "users-db")], plan, mode)


def test_the_first_by_name_are_picked():
    """The same components are hit in every run of a scenario."""
    assert pick({"gateway-2", "gateway-1", "gateway-3"}, 2) == ["gateway-1", "gateway-2"]
    assert pick(["broker"], 2) == ["broker"]
