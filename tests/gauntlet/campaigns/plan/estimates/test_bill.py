"""The costs of a month, compared with sums computed by hand."""

import pytest

from gauntlet.campaigns.plan.estimates import bill
from gauntlet.campaigns.plan.estimates.sizing import Node, Tier
from gauntlet.campaigns.plan.figures import End
from gauntlet.campaigns.plan.inputs import HOURS_IN_MONTH

from ..example import capacity, inputs, measured, prices, unit_cost, unit_costs
from ..fitted import fitted, with_bus

NODES = {"edge": 9, "message": 3, "database": 3}
MONTH_S = HOURS_IN_MONTH * 3600


def tiers(*costs):
    found = measured(capacity(unit_costs=costs or unit_costs())).tiers
    return [Tier(name, each, Node(4, 16e9)) for name, each in found.items()]


def billed(end=End.VALUE, given=None, **changes):
    return of_costs(unit_costs(), end, given, **changes)


def of_costs(costs, end=End.VALUE, given=None, **changes):
    found = tiers(*costs)
    nodes = {tier.name: NODES.get(tier.name, 3) for tier in found}
    every = [cost for tier in found for cost in tier.costs]
    return bill.bill(found, every, nodes, inputs(**changes), (given or prices()).prices, end)


def test_nodes_cost_their_price_for_every_hour_of_the_month():
    found = billed()
    assert found.nodes == {
        "edge": pytest.approx(9 * 0.1 * HOURS_IN_MONTH),
        "message": pytest.approx(3 * 0.1 * HOURS_IN_MONTH),
        "database": pytest.approx(3 * 0.4 * HOURS_IN_MONTH),
    }


def test_storage_holds_the_messages_of_all_months_until_the_end():
    # 100 messages/s in the mean, 500 bytes each.
    assert billed(months=2).storage_gb == pytest.approx(100 * 500 * MONTH_S * 2 / 1e9)
    grown = billed(months=2, growth_per_month=0.1).storage_gb
    assert grown == pytest.approx(100 * 500 * MONTH_S * (1 + 1.1) / 1e9)


def test_storage_holds_only_the_months_for_which_messages_are_kept():
    kept = billed(months=12, retention_months=1, growth_per_month=0.1)
    assert kept.storage_gb == pytest.approx(100 * 500 * MONTH_S * 1.1**11 / 1e9)


def test_egress_is_what_the_tiers_with_connections_send_in_the_last_month():
    # 300 deliveries/s in the mean, 1,000 bytes each.
    found = billed(months=2, growth_per_month=0.1)
    assert found.egress_gb == pytest.approx(300 * 1_000 * 1.1 * MONTH_S / 1e9)
    assert found.egress == pytest.approx(found.egress_gb * 0.05)


def test_the_total_is_the_sum():
    found = billed()
    assert found.total == pytest.approx(
        sum(found.nodes.values()) + found.storage_gb * 0.1 + found.egress_gb * 0.05
    )


def test_high_costs_of_messages_make_storage_dearer_but_not_the_planned_nodes():
    low, high = billed(End.LOW), billed(End.HIGH)
    assert low.nodes == high.nodes
    assert high.storage == pytest.approx(low.storage * 1.1 / 0.9)


def test_what_has_no_price_or_was_not_measured_is_unknown_and_not_zero():
    free = billed(given=prices(storage_gb_month=None, egress_gb=None))
    assert (free.storage, free.egress) == (None, None)
    assert free.total == pytest.approx(sum(free.nodes.values()))
    few = [cost for cost in unit_costs() if cost.resource == "cpu_s"]
    found = of_costs(few)
    assert (found.storage_gb, found.egress_gb) == (None, None)


def memory(tier, per_connection, spread=0.1):
    return unit_cost(tier, "memory_bytes", 1e8, {"connection": per_connection}, spread=spread)


def front_of(*costs):
    return [tier.name for tier in bill.front(tiers(*costs))]


CPU = unit_cost("edge", "cpu_s", 0.1, {"message": 1e-4})


def test_only_tiers_whose_memory_grows_with_connections_hold_them_the_most_first():
    found = front_of(
        CPU,
        memory("broker", 0.0),
        memory("edge", 10_000.0),
        memory("gateway", 40_000.0),
        memory("message", 30_000.0, spread=1.0),  # the low end is zero: perhaps it does not grow
        memory("stickers", 9_900.0),  # less than a quarter of what the gateway takes
    )
    assert found == ["gateway", "edge"]


def test_no_tier_holds_connections_if_that_was_not_measured():
    assert front_of(CPU, memory("broker", 0.0)) == []
    assert front_of(CPU, unit_cost("edge", "memory_bytes", 1e8, {})) == []


def test_traffic_of_a_bus_that_was_measured_is_no_egress():
    record = fitted(with_bus())
    found = tiers(*record.unit_costs)
    memory_of = {
        tier.name for tier in found if any(c.resource == "memory_bytes" for c in tier.costs)
    }
    assert memory_of == {"broker", "edge", "message"}
    assert [tier.name for tier in bill.front(found)] == ["edge"]
    priced = prices(tiers={tier.name: "small" for tier in found})
    # 300 deliveries/s in the mean, 100 bytes each.
    sent = of_costs(record.unit_costs, given=priced).egress_gb
    assert sent == pytest.approx(300 * 100 * MONTH_S / 1e9)


def test_growth_and_traffic_that_do_not_depend_on_the_load_are_unknown_and_not_zero():
    found = of_costs(
        (
            CPU,
            memory("edge", 10_000.0),
            unit_cost("edge", "network_bytes", 500.0, {}),
            unit_cost("database", "cpu_s", 0.1, {"message": 1e-4}),
            unit_cost("database", "database_bytes", 500.0, {}),
        )
    )
    assert (found.storage_gb, found.egress_gb) == (None, None)
