"""How many nodes a tier needs, compared with numbers computed by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.campaigns.plan.estimates import sizing
from gauntlet.campaigns.plan.estimates.demand import Demand, at_peak
from gauntlet.campaigns.plan.estimates.sizing import Node, Tier
from gauntlet.campaigns.plan.figures import End

from ..example import capacity, inputs, measured, unit_cost, unit_costs

NODE = Node(4, 16e9)
PEAK = at_peak(inputs())


def tier(name, **changes):
    return Tier(name, measured().tiers[name], NODE)._replace(**changes)


def test_a_node_has_the_cores_that_it_may_use_less_what_is_fixed():
    # 2,000 messages/s × 1 ms = 2 cores; a node has 4 × 0.6 − 0.1 = 2.3 of them.
    need = sizing.needed(tier("message"), PEAK.times(10), 0.6, 1.0, End.VALUE)
    assert need == (pytest.approx(2 / 2.3), "cpu_s")


def test_slower_cores_need_more_nodes():
    need = sizing.needed(tier("message"), PEAK.times(10), 0.6, 0.5, End.VALUE)
    assert need.nodes == pytest.approx(2 / 1.1)


def test_memory_decides_where_it_is_scarcer_than_cpu():
    # 10 × 216,000 connections × 20 kB = 43.2 GB; a node has 16 × 0.8 − 0.1 GB of them.
    need = sizing.needed(tier("edge"), PEAK.times(10), 0.6, 1.0, End.VALUE)
    assert need == (pytest.approx(43.2 / 12.7), "memory_bytes")


def test_high_costs_need_more_nodes_and_low_ones_fewer():
    low, value, high = (sizing.needed(tier("message"), PEAK, 0.6, 1.0, end).nodes for end in End)
    assert low == pytest.approx(0.2 * 0.9 / (2.4 - 0.09))
    assert value == pytest.approx(0.2 / 2.3)
    assert high == pytest.approx(0.2 * 1.1 / (2.4 - 0.11))


def test_a_node_without_room_for_the_fixed_part_is_never_enough():
    small = tier("message", node=Node(0.15, 16e9))
    assert math.isinf(sizing.needed(small, PEAK, 0.6, 1.0, End.VALUE).nodes)
    assert math.isinf(sizing.nodes_of(small, PEAK, inputs(), End.VALUE).number)


def test_a_tier_is_not_busier_than_where_it_was_the_limit():
    need = sizing.needed(tier("message", limit=0.3), PEAK.times(10), 0.6, 1.0, End.VALUE)
    assert need.nodes == pytest.approx(2 / 1.1)


def test_survivors_of_a_zone_carry_the_peak():
    # 200 × 200/s = 40 cores: normally ⌈40 / 2.3⌉ = 18 nodes, after a loss 40 / 3.1 = 12.9 on two
    # zones, so 7 in each of the three.
    found = sizing.nodes_of(tier("message"), PEAK.times(200), inputs(), End.VALUE)
    assert found.number == 21
    assert found.normal.nodes == pytest.approx(40 / 2.3)
    assert found.after_loss.nodes == pytest.approx(40 / 3.1)


def test_one_zone_has_no_reserve_for_its_loss():
    found = sizing.nodes_of(tier("message"), PEAK.times(200), inputs(zones=1), End.VALUE)
    assert (found.number, found.after_loss) == (18, None)


def test_every_zone_has_a_node_whatever_the_demand():
    nothing = Demand(0, 0, 0, 0)
    assert sizing.nodes_of(tier("message"), nothing, inputs(), End.HIGH).number == 3
    assert sizing.nodes_of(tier("message"), nothing, inputs(zones=1), End.HIGH).number == 1


def test_a_need_of_exactly_a_whole_number_is_not_rounded_up():
    exact = 3 * 3.1 / (1e-3 * PEAK.messages_per_s) * 2
    found = sizing.nodes_of(tier("message"), PEAK.times(exact), inputs(), End.VALUE)
    assert found.after_loss.nodes == pytest.approx(6)
    assert found.number == 9


def test_rounding_errors_of_floating_point_numbers_are_no_further_node():
    assert sizing._ceiling(3 + 1e-12) == 3
    assert sizing._ceiling(3 + 1e-6) == 4


@given(
    factor=st.floats(0.01, 1e5),
    zones=st.integers(2, 6),
    utilisation=st.floats(0.1, 0.8),
    end=st.sampled_from(End),
)
def test_the_nodes_that_are_left_are_never_busier_than_allowed(factor, zones, utilisation, end):
    question = inputs(zones=zones, utilisation=utilisation)
    demand = PEAK.times(factor)
    count = sizing.nodes_of(tier("message"), demand, question, end).number
    assert count % zones == 0

    def busy(nodes):
        cores = sizing.used(tier("message").costs, "cpu_s", demand, end) / nodes
        return (cores + sizing.fixed(tier("message").costs, "cpu_s", end)) / NODE.cores

    assert busy(count) <= utilisation + 1e-6
    assert busy(count * (zones - 1) // zones) <= question.utilisation_after_loss + 1e-6


def test_how_far_a_demand_is_beyond_what_was_measured():
    # 200 messages/s were within 500; 216,000 connections are 108 times 2,000.
    assert sizing.beyond(tier("message").costs, PEAK) == pytest.approx(0.4)
    assert sizing.beyond(tier("edge").costs, PEAK) == pytest.approx(108)
    assert sizing.beyond(tier("edge").costs, PEAK, 54) == pytest.approx(2)


def test_a_kind_of_load_that_costs_nothing_is_never_beyond():
    free = unit_cost("edge", "cpu_s", 0.1, {"message": 1e-4, "connection": 0.0})
    (cost,) = measured(capacity(unit_costs=(free,))).tiers["edge"]
    assert sizing.beyond([cost], PEAK) == pytest.approx(0.4)


def test_a_kind_of_load_without_a_cost_in_any_tier_is_infinitely_beyond():
    tiers = [tier(name) for name in measured().tiers]
    edge, message, database = (tier(name) for name in ("edge", "message", "database"))
    assert sizing.without_cost(tiers, PEAK) == []
    assert sizing.extrapolation(tiers, PEAK) == pytest.approx(108)
    assert sizing.extrapolation(tiers, PEAK, message) == pytest.approx(0.4)
    assert sizing.without_cost([edge, database], PEAK) == []
    assert sizing.without_cost([edge], PEAK) == ["message"]
    assert sizing.without_cost([message, database], PEAK) == ["delivery", "connection", "handshake"]
    assert math.isinf(sizing.extrapolation([message, database], PEAK, message))
    assert sizing.without_cost([message], Demand(0, 5, 0, 0)) == []


def test_memory_is_a_cost_of_connections_only():
    odd = unit_cost("edge", "memory_bytes", 1e8, {"connection": 1e4, "message": 1.0})
    memory = Tier("edge", measured(capacity(unit_costs=(*unit_costs(), odd))).tiers["edge"], NODE)
    only = memory._replace(costs=tuple(c for c in memory.costs if c.resource == "memory_bytes"))
    assert sizing.without_cost([only], PEAK) == ["message", "delivery", "handshake"]


def test_cpu_alone_is_a_cost_of_connections():
    cost = unit_cost("edge", "cpu_s", 0.1, {"connection": 1e-5})
    only = Tier("edge", measured(capacity(unit_costs=(cost,))).tiers["edge"], NODE)
    assert "connection" not in sizing.without_cost([only], PEAK)


@pytest.mark.parametrize("end", End)
def test_the_growth_that_fits_is_the_highest_one(end):
    tiers = [tier(name) for name in measured().tiers]
    nodes = sizing.all_nodes(tiers, PEAK.times(30), inputs(), End.HIGH)
    factor = sizing.growth_that_fits(tiers, nodes, PEAK, inputs(), end)

    def fits(factor):
        needed = sizing.all_nodes(tiers, PEAK.times(factor), inputs(), end)
        return all(needed[name] <= nodes[name] for name in nodes)

    assert factor >= 30
    assert fits(factor * 0.9999)
    assert not fits(factor * 1.0001)


def test_nothing_that_grows_fits_for_ever():
    idle = [Tier("idle", measured().tiers["message"], NODE)._replace(costs=())]
    assert math.isinf(sizing.growth_that_fits(idle, {"idle": 3}, PEAK, inputs(), End.VALUE))
