"""The context through which faults act."""

from dataclasses import replace

import pytest

from gauntlet.core.errors import StackError


def test_the_links_of_a_target_are_returned_with_their_proxies(stack):
    """Links to other components are left out."""
    assert set(stack.context.links("client>gateway")) == {"client>gateway-1", "client>gateway-2"}


def test_a_target_with_a_direct_link_is_refused(stack):
    """Otherwise a fault would silently act on some of its links only."""
    proxies = dict(stack.context.proxies)
    del proxies["client>gateway-2"]
    context = replace(stack.context, proxies=proxies)
    with pytest.raises(StackError, match="client>gateway-2"):
        context.links("client>gateway")


def test_running_leaves_out_components_that_are_down(stack):
    """Planned and held components cannot be killed."""
    stack.control.states["edge-blue-2"] = "held"
    assert set(stack.context.running("edge")) == {"edge-blue-1"}


def test_a_link_is_up_if_its_component_is(stack):
    """Without a control API it is assumed to be up."""
    stack.control.states["broker"] = "held"
    assert not stack.context.is_up("edge>broker")
    assert stack.context.is_up("edge>registry")
    assert replace(stack.context, control=None).is_up("edge>broker")


def test_faults_on_processes_need_a_control_api(stack):
    """A stack of another vendor may have none."""
    with pytest.raises(StackError, match="no control API"):
        replace(stack.context, control=None).running("gateway")
