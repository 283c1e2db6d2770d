"""Plans of made-up records."""

import math

import msgspec
import pytest

from gauntlet.campaigns.capacity.record import Machine, System
from gauntlet.campaigns.plan.figures import Basis
from gauntlet.campaigns.plan.sources.prices import Size
from gauntlet.core.errors import ConfigError

from .example import capacity, limit, prices, unit_cost, unit_costs
from .planned import planned, with_prices


def tier(plan, name):
    return next(each for each in plan.tiers if each.name == name)


def test_nodes_are_enough_at_the_high_end_of_all_costs():
    plan = planned(users=8.64e8)
    message = tier(plan, "message")
    # 200,000 messages/s × 1.1 ms = 220 cores on the 4 × 0.8 − 0.11 = 3.09 of each survivor:
    # ⌈71.2 / 2⌉ = 36 in each zone; normally 4 × 0.6 − 0.11 = 2.29: ⌈96.07 / 3⌉ = 33.
    assert message.nodes == 108
    assert message.needed.high == 108
    assert message.needed.low < message.needed.value < 108
    assert message.decides == "cpu_s"
    assert plan.nodes == sum(each.nodes for each in plan.tiers)
    assert plan.needed.high == plan.nodes


def test_how_busy_nodes_are_is_that_of_the_planned_ones():
    message = tier(planned(users=8.64e8), "message")
    assert message.normal.value == pytest.approx(100 * (200 / 108 + 0.1) / 4)
    assert message.after_loss.value == pytest.approx(100 * (200 / 72 + 0.1) / 4)
    assert message.after_loss.high <= 80 + 1e-6


def test_memory_is_named_where_it_decides():
    assert tier(planned(users=8.64e7), "edge").decides == "memory_bytes"


def test_the_resource_that_sets_the_number_is_named_whichever_case_it_belongs_to():
    # Normally CPU decides, at so little of it; after a loss, memory does.
    idle = planned(users=8.64e7, utilisation=0.05)
    assert tier(idle, "edge").decides == "cpu_s"


def test_a_demand_within_what_was_measured_is_not_extrapolated():
    plan = planned(users=6_000)
    assert {each.needed.basis for each in plan.tiers} == {Basis.MEASURED}
    assert plan.extrapolated < 1
    assert all(each.needed.beyond is None for each in plan.tiers)
    assert "This demand is within what was measured" in plan.answer


def test_every_figure_of_an_extrapolated_tier_says_so_and_has_an_interval():
    edge = tier(planned(), "edge")
    for figure in (edge.needed, edge.normal, edge.after_loss):
        assert figure.basis is Basis.EXTRAPOLATED
        assert figure.beyond == pytest.approx(108)
        assert figure.low <= figure.value <= figure.high
    # Messages were measured up to more than is asked.
    assert tier(planned(), "message").needed.basis is Basis.MEASURED


def test_a_load_that_was_never_measured_is_extrapolated_without_a_limit():
    unit = unit_cost("edge", "cpu_s", 0.1, {"message": 1e-4}, measured_range={"message": (0, 0)})
    plan = planned(capacity(unit_costs=(unit,)))
    assert plan.extrapolated == 0
    assert tier(plan, "edge").needed.basis is Basis.EXTRAPOLATED
    assert "extrapolated to any load" in plan.answer


def test_nodes_last_until_the_end_of_the_plan_at_least():
    plan = planned(users=8.64e8, growth_per_month=0.05, months=12)
    assert plan.headroom.factor.low >= 1.05**12
    assert plan.headroom.ends.low >= "2027-12-01"
    assert plan.headroom.ends.low <= plan.headroom.ends.value <= plan.headroom.ends.high
    later = planned(users=8.64e8, growth_per_month=0.05, months=24)
    assert later.nodes > plan.nodes


def test_the_day_on_which_headroom_ends_follows_from_growth():
    plan = planned(users=8.64e8, growth_per_month=0.05)
    months = math.log(plan.headroom.factor.low) / math.log(1.05)
    days = (months - 12) * 30.44
    # 2027-12-01 is 12 months after the start; growth in the rest of the headroom takes `days`.
    assert plan.headroom.ends.low[:7] in ("2027-12", "2028-01")
    assert 0 <= days < 62


def test_headroom_that_growth_does_not_use_up_has_no_end():
    assert planned().headroom.ends.value == "never, without growth"
    assert planned(growth_per_month=-0.1).headroom.ends.value == "never, without growth"
    assert planned(growth_per_month=1e-9).headroom.ends.value == "not within 100 years"


def test_a_tier_that_was_the_limit_is_not_planned_busier():
    free = tier(planned(users=8.64e8), "message")
    limited = tier(planned(capacity(limits_first=limit(share=0.6)), users=8.64e8), "message")
    assert limited.nodes > free.nodes
    assert limited.after_loss.high <= 60 + 1e-6
    assert tier(planned(record_of("message-2"), users=8.64e8), "message").nodes == limited.nodes
    assert tier(planned(record_of("messages"), users=8.64e8), "message").nodes == free.nodes


def record_of(component, share=0.6):
    return capacity(limits_first=limit(component, share))


def test_a_limit_that_no_cpu_explains_is_named_and_sets_no_share():
    plan = planned(record_of("message", 0.2), users=8.64e8)
    assert tier(plan, "message").nodes == 108
    assert any("busiest component with 20 % of its CPU" in each for each in plan.not_measured)


def test_a_search_that_failed_at_no_level_sets_no_limit():
    unbounded = msgspec.structs.replace(capacity().sustainable[0], high=None)
    for found in ((), (unbounded,)):
        record = capacity(limits_first=limit(share=0.6), sustainable=found)
        assert tier(planned(record, users=8.64e8), "message").nodes == 108


def test_nodes_have_the_size_of_the_price_file_of_the_option_or_of_the_machine():
    plan = planned(price_file=prices(), node_cores=2.0, node_memory_bytes=4e9)
    assert (tier(plan, "database").node, tier(plan, "database").cores) == ("large", 8)
    assert tier(plan, "database").memory_bytes == 32e9
    assert (tier(plan, "edge").node, tier(plan, "edge").cores) == ("small", 2)
    assert tier(plan, "edge").memory_bytes == 4e9
    own = tier(planned(), "edge")
    assert (own.node, own.cores, own.memory_bytes) == ("", 4, 16_000 * 2**20)


def test_nodes_that_are_too_small_for_the_fixed_part_are_refused_with_advice():
    with pytest.raises(ConfigError, match=r"the tier edge.*--node-cores"):
        planned(node_memory_bytes=1e8)


def test_a_demand_beyond_all_measure_is_refused():
    with pytest.raises(ConfigError, match="would need"):
        planned(users=1e12, messages_per_user_day=1e12)


def test_a_machine_of_unknown_size_needs_an_option():
    machine = Machine(system="Linux", python="3.11", cores=None, memory_mb=16_000)
    with pytest.raises(ConfigError, match="--node-cores"):
        planned(capacity(machine=machine))
    assert planned(capacity(machine=machine), node_cores=4.0).nodes > 0


def test_the_machine_of_the_load_generator_is_no_node_of_an_external_system():
    record = capacity(system=System(adapter="mqtt", stack="external"))
    for given, unsized in (
        ({}, "database, edge, message"),
        ({"node_cores": 4.0}, "database, edge, message"),
        ({"node_memory_bytes": 4e9}, "database, edge, message"),
        ({"price_file": prices()}, "edge, message"),
    ):
        with pytest.raises(ConfigError, match=f"--node-cores and --node-memory.*for {unsized}$"):
            planned(record, **given)
    plan = planned(record, node_cores=8.0, node_memory_bytes=32e9)
    assert {each.cores for each in plan.tiers} == {8}
    assert not any("Linux 6.1" in each for each in plan.assumptions)
    sizes = {"small": Size(2, 4), "large": Size(8, 32)}
    assert tier(planned(record, price_file=prices(sizes=sizes)), "edge").cores == 2


def test_costs_are_those_of_the_last_month_and_have_intervals():
    plan = with_prices()
    labels = [line.label for line in plan.costs.lines]
    assert labels[:1] == [f"database: {tier(plan, 'database').nodes} × large"]
    assert labels[-2:] == ["storage", "egress"]
    assert [line.amount.basis for line in plan.costs.lines[-2:]] == [Basis.EXTRAPOLATED] * 2
    # The planned nodes are paid for, whatever turns out to be needed.
    assert plan.costs.lines[0].amount.basis is Basis.MEASURED
    total = plan.costs.total
    assert total.value == pytest.approx(sum(line.amount.value for line in plan.costs.lines))
    assert total.low < total.value < total.high
    users = 864_000 * 1.05**11
    assert plan.costs.per_thousand_users.value == pytest.approx(total.value / users * 1000)
    deliveries = 864_000 * 10 * 3 * 365.25 / 12 * 1.05**11
    millions = plan.costs.per_million_deliveries
    assert millions.value == pytest.approx(total.value / deliveries * 1e6)


def test_what_cannot_be_priced_is_unknown():
    few = tuple(cost for cost in unit_costs() if cost.resource == "cpu_s")
    plan = planned(capacity(unit_costs=few), price_file=prices())
    assert [line.amount.value for line in plan.costs.lines[-2:]] == [None, None]
    assert any("databases" in sentence for sentence in plan.not_measured)


def test_without_prices_there_are_no_costs():
    assert planned().costs is None


def test_loads_say_how_far_they_were_measured():
    plan = planned(growth_per_month=0.05)
    messages = next(load for load in plan.loads if load.label == "messages")
    assert messages.today == pytest.approx(200)
    assert messages.end == pytest.approx(200 * 1.05**12)
    assert messages.measured_to == 500


def test_the_answer_says_what_holds_until_when_and_how_far_it_was_measured():
    plan = planned(growth_per_month=0.05)
    assert plan.answer.startswith(f"{plan.nodes} nodes in 3 zones carry")
    assert f"864,000 users at least until ≈ {plan.headroom.ends.low}, also while" in plan.answer
    assert "99 % of its clients are back within ≈ " in plan.answer
    assert "Measured up to 2,000 connections and 500 messages per second" in plan.answer
    assert f"extrapolated to {plan.extrapolated:,.0f} times that" in plan.answer
    assert "but not the loss of it" in planned(zones=1).answer


def test_assumptions_name_the_defaults_and_what_state_means():
    plan = planned()
    defaults = next(each for each in plan.assumptions if each.startswith("Not given"))
    assert "peak ÷ mean of the day" in defaults
    assert "users;" not in defaults
    assert any(each.startswith("database can be sharded") for each in plan.assumptions)
    limited = planned(capacity(limits_first=limit(share=0.6)))
    assert any("message at 60 %" in each for each in limited.assumptions)


def test_records_of_different_machines_or_versions_are_named():
    def named(*records):
        return [each for each in planned(*records).assumptions if "different machines" in each]

    one = capacity()
    other = capacity(
        machine=Machine(system="Linux 6.1", python="3.11.2", cores=8, memory_mb=16_000),
        system=System(adapter="reference", stack="embedded", labels={"version": "2\x1b[31m"}),
    )
    assert named(one, one) == []
    (sentence,) = named(one, other)
    assert "Linux 6.1, 4 cores, no label; Linux 6.1, 8 cores, version=2�[31m." in sentence


def test_what_was_not_measured_is_listed():
    plan = planned()
    assert "Rooms of more than 50 members." in plan.not_measured
    assert "Not measured of message: memory, network traffic." in plan.not_measured
    assert any("while a component is down" in each for each in plan.not_measured)


def test_the_files_and_runs_that_it_rests_on_have_hashes():
    evidence = with_prices().evidence
    assert [(each.file, each.sha256[:2]) for each in evidence] == [
        ("capacity-1.json", "11"),
        ("prices.yaml", "ef"),
    ]
    assert evidence[0].runs == [("runs/one", "cd" * 32)]
