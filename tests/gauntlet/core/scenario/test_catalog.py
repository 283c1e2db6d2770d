"""The names in the catalogue match those of the reference server."""

import itertools

import pytest

from gauntlet.core.scenario import catalog
from gauntlet.reference_server.cluster.topology.layouts import LAYOUTS
from gauntlet.reference_server.cluster.topology.plan import ClusterRequest, make_plan


def test_layouts_are_the_layouts_of_the_cluster():
    assert set(catalog.LAYOUTS) == set(LAYOUTS)


@pytest.mark.parametrize("stack", ["embedded", "full"])
@pytest.mark.parametrize("layout", catalog.LAYOUTS)
def test_all_roles_and_link_sources_of_every_layout_can_be_targets(stack, layout):
    plan = make_plan(
        ClusterRequest(stack, "data", "logs", layout=layout), itertools.count(1).__next__
    )
    assert {each.role for each in plan.components} <= set(catalog.ROLES)
    assert {link.source for link in plan.links} <= set(catalog.LINK_SOURCES)
