"""A plan from unit costs that `gauntlet capacity` has fitted, of a system whose costs are known."""

import msgspec
import pytest

from gauntlet.campaigns.plan.build import build
from gauntlet.campaigns.plan.estimates.demand import month_s
from gauntlet.campaigns.plan.figures import Basis
from gauntlet.campaigns.plan.sources import costs, prices

from ..capacity.example import EDGE, MESSAGE, trial
from .example import encoded, inputs, measured
from .example import prices as example_prices
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


def test_a_record_of_one_fan_out_and_one_number_of_connections_is_not_called_measured():
    # 8.64 million messages a day are 200/s at the peak, within the measured 320.
    record = fitted(tuple(trial(level, fan_out=1.0) for level in (10, 20, 40, 80, 160, 320)))
    found = build(measured(record), inputs(connects_per_user_day=0.0), None, "2026-12-01T08:00:00Z")
    missing = "No cost of a delivery or a connection was measured; the plan counts it as zero."
    assert missing in found.answer
    assert missing in found.not_measured
    assert "extrapolated to any load" in found.answer
    assert "is within what was measured" not in found.answer
    figures = [found.needed, found.headroom.factor]
    figures += [figure for tier in found.tiers for figure in (tier.needed, tier.normal)]
    assert {figure.basis for figure in figures} == {Basis.EXTRAPOLATED}


def test_the_end_of_headroom_is_uncertain_if_a_cost_is_missing(plan):
    record = fitted(tuple(trial(level, fan_out=1.0) for level in (10, 20, 40, 80, 160, 320)))
    found = build(measured(record), inputs(growth_per_month=1e-4), None, "2026-12-01T08:00:00Z")
    assert found.headroom.ends.basis is Basis.EXTRAPOLATED
    assert plan.headroom.ends.basis is Basis.MEASURED


def test_every_cost_of_a_whole_campaign_is_known(plan):
    assert "No cost of" not in plan.answer
    assert not any(each.startswith("No cost of") for each in plan.not_measured)


def test_the_growth_of_a_database_without_a_process_is_paid_but_needs_no_node(tmp_path):
    file = tmp_path / "capacity.json"
    file.write_bytes(encoded(fitted()))
    measurements = costs.read([file])
    assert sorted(measurements.tiers) == ["edge", "message", "messages-db"]
    content = "{currency: EUR, per_hour: {s: 1}, tiers: {edge: s, message: s}, storage_gb_month: 2}"
    prices_of = tmp_path / "prices.yaml"
    prices_of.write_text(content)
    priced = prices.read(prices_of, measurements.on_nodes)
    found = build(measurements, inputs(months=1), priced, "2026-12-01T08:00:00Z")
    assert [tier.name for tier in found.tiers] == ["edge", "message"]
    storage = next(line.amount for line in found.costs.lines if line.label == "storage")
    # 100 messages/s in the mean, 300 bytes each; 120/s were measured.
    assert storage.value == pytest.approx(2 * 100 * 300 * month_s() / 1e9, rel=1e-3)
    assert not any("storage has no price" in each for each in found.not_measured)
    assert any(each.startswith("messages-db can be sharded") for each in found.assumptions)


def test_storage_beyond_the_measured_growth_is_extrapolated():
    record = fitted()
    reach = {"database_bytes": 10.0}
    units = tuple(
        msgspec.structs.replace(
            cost, measured_range=dict.fromkeys(cost.per, (0.0, reach.get(cost.resource, 1e9)))
        )
        for cost in record.unit_costs
    )
    record = msgspec.structs.replace(record, unit_costs=units)
    found = build(
        measured(record),
        inputs(),
        example_prices(tiers={"edge": "small", "message": "small"}),
        "2026-12-01T08:00:00Z",
    )
    storage = next(line.amount for line in found.costs.lines if line.label == "storage")
    assert storage.beyond == pytest.approx(20)
    assert found.needed.basis is Basis.MEASURED
