"""Which inputs decide."""

import pytest

from gauntlet.campaigns.plan.estimates import sensitivity
from gauntlet.campaigns.plan.estimates.demand import at_peak
from gauntlet.campaigns.plan.estimates.sizing import Node, Tier, all_nodes
from gauntlet.campaigns.plan.figures import End

from ..example import inputs, measured


def tiers():
    return [Tier(name, costs, Node(4, 16e9)) for name, costs in measured().tiers.items()]


def by_label(found):
    return {swing.label: swing for swing in found}


def test_each_input_is_changed_alone():
    question = inputs(users=8.64e7)
    found = by_label(sensitivity.swings(tiers(), question))
    users = found["users"]
    assert (users.lower, users.higher) == (pytest.approx(6.48e7), pytest.approx(1.08e8))
    for value, nodes in ((users.lower, users.nodes_lower), (users.higher, users.nodes_higher)):
        demand = at_peak(inputs(users=value))
        assert nodes == sum(all_nodes(tiers(), demand, question, End.HIGH).values())
    assert users.nodes_lower < users.nodes_higher


def test_the_widest_swing_is_first_and_what_does_not_matter_is_last():
    found = sensitivity.swings(tiers(), inputs(users=8.64e7))
    widths = [swing.width for swing in found]
    assert widths == sorted(widths, reverse=True)
    assert by_label(found)["growth of the demand per month"].width == 0


def test_busier_nodes_and_faster_cores_need_fewer_of_them():
    found = by_label(sensitivity.swings(tiers(), inputs(users=8.64e7)))
    speed = found["speed of a core ÷ that of the measured machine"]
    assert speed.nodes_higher < speed.nodes_lower


def test_measured_costs_swing_between_the_ends_of_their_intervals():
    question = inputs(users=8.64e7)
    costs = by_label(sensitivity.swings(tiers(), question))[sensitivity.COSTS]
    assert (costs.lower, costs.higher) == (None, None)
    low, high = (
        sum(all_nodes(tiers(), at_peak(question), question, end).values())
        for end in (End.LOW, End.HIGH)
    )
    assert (costs.nodes_lower, costs.nodes_higher) == (low, high)


def test_the_lower_growth_of_a_shrinking_demand_is_the_more_negative_one():
    found = by_label(sensitivity.swings(tiers(), inputs(growth_per_month=-0.1)))
    growth = found["growth of the demand per month"]
    assert (growth.lower, growth.higher) == (pytest.approx(-0.15), pytest.approx(-0.05))


def test_shares_stay_between_0_and_1():
    found = by_label(sensitivity.swings(tiers(), inputs(online_share=0.9, utilisation=0.95)))
    assert found["users online at the peak"].higher == 1
    assert found["load of a node in normal operation, at most"].higher == 1
