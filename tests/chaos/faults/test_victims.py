"""Which components a fault takes."""

from dataclasses import replace

import pytest

from gauntlet.chaos.faults import _processes, victims
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.targets import StackPlan

PLAN = StackPlan({f"gateway-{number}": "gateway" for number in range(1, 10)}, [])


def order(spec, seed, **fault):
    """The order of the nine gateways in which a fault with random victims takes them."""
    fault = spec("kill", "gateway", pick="random", **fault)
    return victims.random_orders([fault], PLAN, seed)[fault.id]


def test_the_first_running_components_by_name_are_taken_by_default(stack, spec):
    stack.control.states["gateway-1"] = "held"
    assert list(victims.choose(stack.context, spec("kill", "gateway"))) == ["gateway-2"]


def test_a_random_order_is_a_permutation_that_the_seed_and_the_id_decide(spec):
    assert sorted(order(spec, 1)) == sorted(PLAN.roles)
    assert order(spec, 1) == order(spec, 1)
    others = [order(spec, seed) for seed in range(2, 6)] + [order(spec, 1, id="other")]
    assert all(other != order(spec, 1) for other in others)


def test_only_random_orders_are_recorded(spec):
    """The others follow from the names."""
    faults = [spec("kill", "gateway"), spec("latency", "client>edge", id="slow")]
    assert victims.random_orders(faults, PLAN, 1) == {}


def test_the_components_are_taken_in_the_recorded_order(stack, spec):
    """Those that do not run are skipped."""
    fault = spec("kill", "edge", pick="random", count=2)
    taken = set()
    for seed in range(20):
        context = replace(stack.context, seed=seed)
        recorded = victims.random_orders([fault], context.plan, seed)["f"]
        expected = [name for name in recorded if "green" not in name]
        chosen = list(victims.choose(context, fault))
        assert chosen == expected
        taken.add(chosen[0])
    assert taken == {"edge-blue-1", "edge-blue-2"}


@pytest.mark.parametrize(
    ("percent", "of", "number"),
    [(1, 9, 1), (50, 2, 1), (51, 2, 2), (50, 3, 2), (100, 3, 3), (7, 100, 7)],
)
def test_a_share_is_rounded_up_to_whole_components(spec, percent, of, number):
    """And 7 % of 100 are 7, although 0.07 is slightly more as a binary fraction."""
    assert victims.victim_count(spec("kill", "gateway", percent=percent), of) == number


def test_a_share_counts_the_components_that_run(stack, spec):
    stack.control.states["gateway-2"] = "held"
    chosen = victims.choose(stack.context, spec("kill", "gateway", percent=100))
    assert list(chosen) == ["gateway-1"]


def test_a_fault_waits_for_a_component_that_another_one_has_just_brought_back(
    stack, spec, monkeypatch
):
    """A kill that begins when another one ends finds the component still starting."""
    monkeypatch.setattr(_processes, "_BACK_S", 60.0)
    stack.control.states["broker"] = "starting"
    looks = iter(range(3))

    def components():
        if next(looks, None) is None:
            stack.control.states["broker"] = "up"
        return type(stack.control).components(stack.control)

    monkeypatch.setattr(stack.control, "components", components)
    assert list(victims.choose(stack.context, spec("kill", "broker"))) == ["broker"]


def test_a_stop_of_the_run_ends_the_wait_for_a_component(stack, spec, monkeypatch):
    monkeypatch.setattr(_processes, "_BACK_S", 60.0)
    stack.control.states["broker"] = "starting"
    stack.context.stop.set()
    with pytest.raises(FaultFailed, match="no component of broker is running"):
        victims.choose(stack.context, spec("kill", "broker"))


def test_a_fault_that_finds_too_few_running_components_fails(stack, spec):
    """It must not act on fewer than the scenario says."""
    stack.control.states["gateway-2"] = "held"
    with pytest.raises(FaultFailed, match="only 1 is running: gateway-1"):
        victims.choose(stack.context, spec("kill", "gateway", count=2))
    stack.control.states["gateway-1"] = "held"
    with pytest.raises(FaultFailed, match="no component of gateway is running"):
        victims.choose(stack.context, spec("kill", "gateway"))
