"""The component that limits first."""

import pytest

from gauntlet.campaigns.capacity import limits

from .example import MACHINE, trial


def test_the_busiest_component_at_the_highest_rate_that_held_is_named():
    use = {"edge-1/cpu_s": 0.3, "message-1/cpu_s": 0.62, "edge-1/memory_bytes": 2e9}
    found = limits.first(
        [trial(50), trial(400, use=use), trial(800, "failed")], MACHINE, "embedded"
    )
    assert (found.component, found.resource, found.level) == ("message-1", "cpu_s", 400)
    assert found.share == pytest.approx(0.62)
    assert found.sentence == (
        "At 400/s, message-1 used 62% of the core that it can use, more than any other component."
    )


def test_a_server_with_threads_can_use_every_core():
    tiers = {"messages-db": "messages-db", "edge-1": "edge"}
    use = {"messages-db/cpu_s": 0.8, "edge-1/cpu_s": 0.5}
    found = limits.first([trial(50, use=use, tiers=tiers)], MACHINE, "full")
    assert found.component == "edge-1"


def test_memory_can_be_the_limit():
    use = {"edge-1/cpu_s": 0.1, "edge-1/memory_bytes": 4 * 2**30}
    assert limits.first([trial(50, use=use)], MACHINE, "embedded").resource == "memory_bytes"


@pytest.mark.parametrize("trials", [[], [trial(50, "failed")], [trial(50, use={})]])
def test_nothing_is_named_without_a_level_that_held(trials):
    assert limits.first(trials, MACHINE, "embedded") is None


def test_levels_of_the_unit_costs_and_disturbances_do_not_count():
    others = [trial(900, step="direct"), trial(900, during="n-1")]
    assert limits.first([trial(50), *others], MACHINE, "embedded").level == 50
