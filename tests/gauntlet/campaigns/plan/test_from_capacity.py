"""A plan from unit costs that `gauntlet capacity` has fitted, of a system whose costs are known."""

import pytest

from gauntlet.campaigns.plan.build import build
from gauntlet.campaigns.plan.sources import costs

from ..capacity.example import EDGE, MESSAGE
from .example import encoded, inputs
from .fitted import fitted


@pytest.fixture
def plan(tmp_path):
    """The plan for 86.4 million users on nodes of two cores."""
    file = tmp_path / "capacity.json"
    file.write_bytes(encoded(fitted()))
    question = inputs(users=8.64e7, node_memory_bytes=64e9)
    return build(costs.read([file]), question, None, "2026-12-01T08:00:00Z")


def test_nodes_are_as_busy_as_the_known_costs_say(plan):
    tiers = {tier.name: tier for tier in plan.tiers}
    # 20,000 messages, 60,000 deliveries and 10,000 handshakes a second, 21.6 million connections.
    message = tiers["message"]
    assert message.normal.value == pytest.approx(
        100 * (MESSAGE[0] * 20_000 / message.nodes + MESSAGE[4]) / 2, rel=1e-4
    )
    edge = tiers["edge"]
    used = EDGE[0] * 20_000 + EDGE[1] * 60_000 + EDGE[2] * 21.6e6 + EDGE[3] * 10_000
    # Two edges were measured together, so half of the fixed cost is that of one.
    assert edge.normal.value == pytest.approx(100 * (used / edge.nodes + EDGE[4] / 2) / 2, rel=1e-4)


def test_connections_take_the_memory_of_all_edges_together(plan):
    edge = next(tier for tier in plan.tiers if tier.name == "edge")
    # 60 kB a connection: 1,296 GB, of which two thirds of the nodes hold 51.2 GB less 20 MB each.
    assert edge.decides == "cpu_s"
    assert edge.nodes * 2 / 3 * 51.18e9 > 6e4 * 21.6e6


def test_what_capacity_could_not_measure_is_in_the_plan(plan):
    assert "The network traffic of any component: no run recorded it." in plan.not_measured
    assert plan.storm.why_not == ""
