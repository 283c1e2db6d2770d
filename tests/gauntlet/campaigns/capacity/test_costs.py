"""Unit costs of the tiers."""

import pytest

from gauntlet.campaigns.capacity import costs

from .example import EDGE, MESSAGE, trial


def trials(**changes):
    """Return levels in which every regressor varies on its own."""
    return [
        trial(20, **changes),
        trial(50, **changes),
        trial(100, connection=80.0, **changes),
        trial(80, fan_out=19.0, **changes),
        trial(60, handshake=12.0, **changes),
        trial(40, handshake=5.0, connection=160.0, **changes),
        trial(120, fan_out=1.0, **changes),
        trial(30, fan_out=10.0, handshake=20.0, **changes),
    ]


def cost_of(found, tier, resource):
    return next(each for each in found.unit_costs if (each.tier, each.resource) == (tier, resource))


def test_the_costs_of_a_tier_are_those_of_all_its_components():
    found = cost_of(costs.fit(trials()), "edge", "cpu_s")
    values = [found.per[name].value for name in ("message", "delivery", "connection", "handshake")]
    assert values == pytest.approx(EDGE[:4])
    assert found.fixed.value == pytest.approx(EDGE[4])
    assert (found.instances, found.levels, found.component) == (2, 8, "edge")
    assert found.measured_range["message"] == (20, 120)


def test_a_component_pays_only_for_what_it_does():
    found = cost_of(costs.fit(trials()), "message", "cpu_s")
    assert found.per["message"].value == pytest.approx(MESSAGE[0])
    assert found.per["delivery"].value == pytest.approx(0, abs=1e-9)


def test_memory_is_that_of_a_connection_and_the_database_grows_by_messages():
    found = costs.fit(trials())
    memory = cost_of(found, "edge", "memory_bytes")
    assert list(memory.per) == ["connection"]
    assert memory.per["connection"].value == pytest.approx(6e4)
    assert memory.fixed.value == pytest.approx(40e6)
    growth = cost_of(found, "messages-db", "database_bytes")
    assert growth.per["message"].value == pytest.approx(300)


def test_what_no_run_recorded_is_said_to_be_missing():
    found = costs.fit(trials())
    assert "The network traffic of any component: no run recorded it." in found.not_measured


def test_too_few_levels_are_said_to_be_missing():
    found = costs.fit(trials()[:5])
    assert found.unit_costs == ()
    assert "The CPU time of edge: fewer than 6 levels." in found.not_measured


def test_six_runs_of_one_level_are_too_few_levels():
    found = costs.fit([trial(50 + 0.1 * number) for number in range(6)])
    assert "The CPU time of edge: fewer than 6 levels." in found.not_measured


def test_refused_disturbed_and_violated_trials_are_not_used():
    bad = [
        trial(500, "refused", use={"edge-1/cpu_s": 99.0}),
        trial(500, during="n-1", use={"edge-1/cpu_s": 99.0}),
        trial(500, "failed", use={"edge-1/cpu_s": 99.0}),
        trial(500, "failed", step="rooms", violated=("lost-acked",), use={"edge-1/cpu_s": 99.0}),
    ]
    assert costs.usable(bad) == []
    assert costs.fit([*trials(), *bad]) == costs.fit(trials())


def test_a_level_of_the_unit_costs_counts_even_if_its_objectives_failed():
    assert len(costs.usable([trial(50, "failed", step="rooms")])) == 1


def test_a_search_of_the_rate_alone_cannot_tell_deliveries_from_messages():
    found = costs.fit([trial(level) for level in (10, 20, 40, 80, 160, 320)])
    assert list(cost_of(found, "edge", "cpu_s").per) == ["message"]
    assert any("cannot be told from" in text for text in found.not_measured)
    assert any("connection did not vary" in text for text in found.not_measured)


def test_the_source_of_the_figures_is_named():
    found = costs.fit(trials(), "http://127.0.0.1:9100/metrics")
    assert {each.source for each in found.unit_costs} == {"http://127.0.0.1:9100/metrics"}
