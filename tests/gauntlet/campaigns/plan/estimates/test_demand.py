"""The demand at the peak, and its growth."""

import pytest

from gauntlet.campaigns.plan.estimates import demand

from ..example import inputs


def test_the_peak_follows_from_users_and_their_habits():
    # 864,000 users: 10 messages a day are 100 a second in the mean, and twice that at the peak.
    found = demand.at_peak(inputs())
    assert found.connections == 216_000
    assert found.messages_per_s == pytest.approx(200)
    assert found.deliveries_per_s == pytest.approx(600)
    assert found.handshakes_per_s == pytest.approx(100)
    assert found.counts() == {
        "message": found.messages_per_s,
        "delivery": found.deliveries_per_s,
        "connection": found.connections,
        "handshake": found.handshakes_per_s,
    }


def test_the_mean_has_no_peak_but_all_connections():
    peak, mean = demand.at_peak(inputs()), demand.mean(inputs())
    assert mean.messages_per_s == pytest.approx(peak.messages_per_s / 2)
    assert mean.deliveries_per_s == pytest.approx(peak.deliveries_per_s / 2)
    assert mean.handshakes_per_s == pytest.approx(peak.handshakes_per_s / 2)
    assert mean.connections == peak.connections


def test_growth_is_compounded_and_a_shrinking_demand_is_planned_for_today():
    assert demand.grown(inputs(growth_per_month=0.1), 2) == pytest.approx(1.21)
    assert demand.highest_growth(inputs(growth_per_month=0.1, months=2)) == pytest.approx(1.21)
    assert demand.highest_growth(inputs(growth_per_month=-0.1)) == 1
    assert demand.at_peak(inputs()).times(2).messages_per_s == pytest.approx(400)
