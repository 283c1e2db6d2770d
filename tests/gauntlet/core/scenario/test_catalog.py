"""The words for the reference server's parts are the reference server's."""

import itertools

import pytest

from gauntlet.core.scenario import catalog
from gauntlet.reference_server.cluster.topology.layouts import LAYOUTS
from gauntlet.reference_server.cluster.topology.plan import ClusterRequest, make_plan


def test_layouts_are_those_of_the_cluster():
    """What a scenario may name can be booted."""
    assert set(catalog.LAYOUTS) == set(LAYOUTS)


@pytest.mark.parametrize("stack", ["embedded", "full"])
@pytest.mark.parametrize("layout", catalog.LAYOUTS)
def test_every_role_and_every_link_s_source_can_be_a_target(stack, layout):
    """Whatever a layout starts, a fault can be aimed at."""
    plan = make_plan(
        ClusterRequest(stack, "data", "logs", layout=layout), itertools.count(1).__next__
    )
    assert {each.role for each in plan.components} <= set(catalog.ROLES)
    assert {link.source for link in plan.links} <= set(catalog.LINK_SOURCES)
