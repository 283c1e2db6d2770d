"""The scenarios in which the harness dies."""

from pathlib import Path

import pytest

from benchmarks.resilience import death_scenarios
from gauntlet.core.scenario import catalog, validation
from gauntlet.core.scenario.model import from_builtins

SEEDS = range(2 * len(death_scenarios.KINDS))


def scenario(seed):
    return death_scenarios.scenario(seed, death_scenarios.stack_of(seed), Path("flag"))


def test_every_kind_of_the_registry_has_an_example():
    """`command` is added to every scenario, and others cause what is `observed`."""
    assert set(catalog.FAULTS) - {"command", "observed"} <= set(death_scenarios.EXAMPLES)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scenario_is_valid_and_lasts_at_most_15_s(seed):
    parsed = from_builtins(scenario(seed))
    assert list(validation.problems(parsed)) == []
    assert parsed.load.duration_s <= 15


@pytest.mark.parametrize("seed", range(5))
def test_toxics_in_a_running_toxiproxy_are_valid(seed):
    target = {"stack": "external", "url": ["http://127.0.0.1:1"], "toxiproxy": "http://127.0.0.1:2"}
    plain = {**death_scenarios.toxics(seed, Path("flag")), "target": target}
    parsed = from_builtins(plain)
    assert list(validation.problems(parsed)) == []
    assert parsed.faults[0].kind == "command"
    assert {fault.target for fault in parsed.faults[1:]} == {"toxiproxy>front"}


def test_consecutive_seeds_take_turns_with_the_kinds_on_both_stacks():
    for seed in SEEDS:
        kinds = [fault["kind"] for fault in scenario(seed)["faults"]]
        assert kinds[:2] == ["command", death_scenarios.first_kind(seed)]
        assert len(kinds) == len(set(kinds))
    stacks = [death_scenarios.stack_of(seed) for seed in SEEDS]
    assert 0.2 < stacks.count("full") / len(stacks) < 0.6


def test_two_faults_of_a_scenario_never_disturb_the_same_role():
    for seed in SEEDS:
        stack = death_scenarios.stack_of(seed)
        taken = set()
        for fault in scenario(seed)["faults"][1:]:
            roles = death_scenarios._roles(fault["target"], stack)
            assert not roles & taken
            taken |= roles
