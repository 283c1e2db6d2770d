"""The context: what faults find through it."""

from dataclasses import replace

import pytest

from gauntlet.core.errors import StackError


def test_links_of_a_target_come_with_their_proxies(world):
    """A target's links are found behind their proxies."""
    assert set(world.context.links("client>gateway")) == {"client>gateway-1", "client>gateway-2"}


def test_a_link_without_a_proxy_is_refused(world):
    """A fault must not act on half of its links in silence."""
    proxies = {k: v for k, v in world.context.proxies.items() if k != "client>gateway-2"}
    context = replace(world.context, proxies=proxies)
    with pytest.raises(StackError, match="client>gateway-2"):
        context.links("client>gateway")


def test_running_leaves_out_what_is_down(world):
    """Planned and held components of a role are no victims."""
    world.control.states["edge-blue-2"] = "held"
    assert set(world.context.running("edge")) == {"edge-blue-1"}


def test_a_link_s_component_is_up_or_not(world):
    """The state behind a link decides; without a control API it is assumed to be up."""
    world.control.states["broker"] = "held"
    assert not world.context.is_up("edge>broker")
    assert world.context.is_up("edge>registry")
    assert replace(world.context, control=None).is_up("edge>broker")


def test_without_a_control_api_processes_cannot_be_acted_on(world):
    """A stack of somebody else's has processes that are out of reach."""
    with pytest.raises(StackError, match="no control API"):
        replace(world.context, control=None).running("gateway")
