"""The reconnect storm of a plan."""

import math

import msgspec
import pytest

from gauntlet.campaigns.plan.estimates import reconnects
from gauntlet.campaigns.plan.estimates.demand import at_peak
from gauntlet.campaigns.plan.estimates.sizing import Node, Tier
from gauntlet.campaigns.plan.figures import Basis

from ..example import capacity, inputs, measured, unit_cost, unit_costs
from ..fitted import fitted, with_bus

PEAK = at_peak(inputs())
NODES = {"edge": 9, "message": 3, "database": 3}


def tiers(*costs):
    found = measured(capacity(unit_costs=costs or unit_costs())).tiers
    return [Tier(name, each, Node(4, 16e9)) for name, each in found.items()]


def test_survivors_accept_what_messages_leave_of_their_cores():
    # 6 survivors × 4 cores × 95 %, less 600 deliveries/s × 0.1 ms and 6 × 0.1 cores: 22.14 cores,
    # of which a handshake takes 2 ms.
    storm = reconnects.storm_plan(tiers(), NODES, PEAK, inputs())
    assert storm.survivors == 6
    assert storm.lost == pytest.approx(216_000 / 3)
    assert (storm.tier, storm.slowest_tier) == ("edge", "edge")
    assert storm.served.value == pytest.approx(22.14 / 0.002 / 6)
    assert storm.served.low < storm.served.value < storm.served.high


def test_the_time_until_clients_are_back_is_that_of_the_simulation_with_its_interval():
    storm = reconnects.storm_plan(tiers(), NODES, PEAK, inputs(detection_s=(0, 0), reroute_s=0))
    # 72,000 clients at 11,070 handshakes per second.
    assert storm.back["all"].value == pytest.approx(72_000 / 11_070, rel=0.1)
    assert storm.back["all"].low < storm.back["all"].value < storm.back["all"].high
    assert storm.back["half"].value < storm.back["99 %"].value <= storm.back["all"].value
    assert storm.arrive.value > storm.served.value
    assert storm.attempts_per_client >= 1


def test_the_figures_are_extrapolated_if_so_many_handshakes_were_never_measured():
    storm = reconnects.storm_plan(tiers(), NODES, PEAK, inputs())
    assert storm.served.basis is Basis.EXTRAPOLATED
    assert storm.served.beyond > 100


def test_the_curve_rises_until_all_are_back():
    storm = reconnects.storm_plan(tiers(), NODES, PEAK, inputs())
    assert storm.curve == sorted(storm.curve)
    assert storm.curve[-1] == (storm.back["all"].value, 1.0)


def test_the_tier_that_accepts_least_decides():
    gateway = unit_cost("gateway", "cpu_s", 0.0, {"handshake": 0.02})
    storm = reconnects.storm_plan(
        tiers(*unit_costs(), gateway), {**NODES, "gateway": 3}, PEAK, inputs()
    )
    assert storm.slowest_tier == "gateway"
    # 2 gateways × 3.8 cores, for 6 edges.
    assert storm.served.value == pytest.approx(7.6 / 0.02 / 6)


def test_lost_connections_cost_nothing_until_they_are_back():
    holding = unit_cost("edge", "cpu_s", 0.0, {"connection": 1e-4, "handshake": 2e-3})
    storm = reconnects.storm_plan(tiers(holding), {"edge": 9}, PEAK, inputs())
    # 6 survivors × 3.8 cores, less two thirds of 216,000 connections × 0.1 ms.
    assert storm.served.value == pytest.approx((22.8 - 14.4) / 0.002 / 6)


def test_without_a_cost_of_handshakes_there_is_no_storm_but_a_reason():
    costs = (unit_cost("message", "cpu_s", 0.1, {"message": 1e-3}),)
    storm = reconnects.storm_plan(tiers(*costs), {"message": 3}, PEAK, inputs())
    assert "handshake" in storm.why_not
    assert storm.back == {}


def test_one_zone_has_no_survivors():
    storm = reconnects.storm_plan(tiers(), NODES, PEAK, inputs(zones=1))
    assert "outage" in storm.why_not


def test_survivors_without_a_spare_core_never_have_all_clients_back():
    storm = reconnects.storm_plan(tiers(), NODES, PEAK.times(400), inputs())
    assert storm.served.value == 0
    assert storm.back["99 %"].value == "inf"
    assert storm.curve == []


def test_a_cost_whose_low_end_is_zero_has_no_finite_best_case():
    costs = (
        unit_cost("edge", "cpu_s", 0.1, {"handshake": 2e-3}, spread=1.0),
        unit_cost("edge", "memory_bytes", 1e8, {"connection": 20_000.0}),
    )
    storm = reconnects.storm_plan(tiers(*costs), {"edge": 9}, PEAK, inputs())
    assert storm.served.high == "inf"
    assert math.isfinite(storm.back["99 %"].low)


def test_survivors_are_those_of_the_tier_that_holds_connections():
    nodes = {"broker": 3, "edge": 9, "message": 3, "messages-db": 3}
    storm = reconnects.storm_plan(
        tiers(*fitted(with_bus()).unit_costs), nodes, PEAK.times(0.01), inputs()
    )
    assert (storm.tier, storm.survivors) == ("edge", 6)


def test_without_measured_memory_the_tier_with_the_dearest_handshakes_holds_connections():
    costs = (
        unit_cost("broker", "cpu_s", 0.1, {"handshake": 1e-5}),
        unit_cost("edge", "cpu_s", 0.1, {"handshake": 2e-3}),
    )
    storm = reconnects.storm_plan(tiers(*costs), {"broker": 3, "edge": 9}, PEAK, inputs())
    assert (storm.tier, storm.survivors) == ("edge", 6)


def test_a_storm_is_extrapolated_if_messages_have_no_measured_cost():
    costs = [unit_cost("edge", "cpu_s", 0.1, {"handshake": 2e-3, "connection": 1e-6})]
    demand = PEAK.times(1e-4)._replace(deliveries_per_s=0.0)
    wide = dict.fromkeys(("handshake", "connection"), (0.0, 1e9))
    costs = [msgspec.structs.replace(costs[0], measured_range=wide)]
    storm = reconnects.storm_plan(tiers(*costs), {"edge": 9}, demand, inputs())
    assert storm.served.basis is Basis.EXTRAPOLATED
    quiet = demand._replace(messages_per_s=0.0)
    known = reconnects.storm_plan(tiers(*costs), {"edge": 9}, quiet, inputs())
    assert known.served.basis is Basis.MEASURED
