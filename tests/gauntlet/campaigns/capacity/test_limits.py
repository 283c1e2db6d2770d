"""The component that limits first."""

import pytest

from gauntlet.campaigns.capacity import limits

from .example import MACHINE, trial

EMBEDDED = limits.Available(MACHINE, "embedded")


def test_the_busiest_component_at_the_highest_rate_that_held_is_named():
    use = {"edge-1/cpu_s": 0.3, "message-1/cpu_s": 0.62, "edge-1/memory_bytes": 2e9}
    found = limits.first([trial(50), trial(400, use=use), trial(800, "failed")], EMBEDDED)
    assert (found.component, found.resource, found.level) == ("message-1", "cpu_s", 400)
    assert found.share == pytest.approx(0.62)
    assert found.sentence == (
        "At 400/s, message-1 used 62% of the core that it can use, more than any other component."
    )


def test_a_server_with_threads_can_use_every_core():
    tiers = {"messages-db": "messages-db", "edge-1": "edge"}
    use = {"messages-db/cpu_s": 0.8, "edge-1/cpu_s": 0.5}
    found = limits.first([trial(50, use=use, tiers=tiers)], limits.Available(MACHINE, "full"))
    assert found.component == "edge-1"


def test_memory_can_be_the_limit():
    use = {"edge-1/cpu_s": 0.1, "edge-1/memory_bytes": 4 * 2**30}
    assert limits.first([trial(50, use=use)], EMBEDDED).resource == "memory_bytes"


@pytest.mark.parametrize("trials", [[], [trial(50, "failed")], [trial(50, use={})]])
def test_nothing_is_named_without_a_level_that_held(trials):
    assert limits.first(trials, EMBEDDED) is None


def test_levels_of_the_unit_costs_and_disturbances_do_not_count():
    others = [trial(900, step="direct"), trial(900, during="n-1")]
    assert limits.first([trial(50), *others], EMBEDDED).level == 50


USE = {"chat/cpu_s": 3.0, "chat/memory_bytes": 2e9, "store/cpu_s": 0.5, "store/database_bytes": 9.0}


def external(**stated):
    return limits.Available(MACHINE, "external", stated)


def test_the_machine_of_the_load_generator_limits_no_external_system():
    trials = [trial(50, use=USE, tiers={})]
    assert limits.first(trials, external()) is None
    assert limits.unknown(trials, external()) == (
        "What limits first: how much cpu_s of chat, memory_bytes of chat, cpu_s of store can be "
        "used is not known. The file of --metrics can state `cores` and `memory_gb` of each "
        "component."
    )


def test_an_external_component_is_compared_with_what_was_stated():
    trials = [trial(50, use=USE, tiers={})]
    stated = external(chat=limits.Size(4.0, 16e9), store=limits.Size(2.0))
    found = limits.first(trials, stated)
    assert (found.component, found.share) == ("chat", 0.75)
    assert "chat used 75% of 4 cores that it can use" in found.sentence
    assert limits.unknown(trials, stated) == ""
    memory = external(chat=limits.Size(memory_bytes=2.5e9))
    found = limits.first(trials, memory)
    assert (found.resource, found.share) == ("memory_bytes", 0.8)
    assert "80% of 2.33 GiB of memory" in found.sentence
    assert "cpu_s of chat, cpu_s of store" in limits.unknown(trials, memory)


def test_nothing_is_unknown_of_a_booted_system_or_without_figures():
    assert limits.unknown([trial(50)], EMBEDDED) == ""
    assert limits.unknown([trial(50, use={})], external()) == ""
    assert limits.unknown([], external()) == ""


def test_what_was_stated_of_a_booted_component_counts():
    available = limits.Available(MACHINE, "embedded", {"edge-1": limits.Size(0.5)})
    assert available.size("edge-1", "edge") == (0.5, 8192 * 2**20)
    assert available.size("edge-2", "edge") == (1.0, 8192 * 2**20)
