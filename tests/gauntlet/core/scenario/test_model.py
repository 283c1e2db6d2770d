"""The scenario as data."""

import pytest

from gauntlet.core.scenario import model
from gauntlet.core.scenario.model import from_builtins, to_builtins

SMALL = {
    "version": 1,
    "name": "small",
    "about": "x",
    "load": {"users": 10, "workload": {"direct": 3, "group": {"weight": 1, "size": 5}}},
    "faults": [{"id": "f", "kind": "kill", "target": "edge", "at": "1s", "for": "2s"}],
}


def test_a_resolved_scenario_can_be_read_again():
    """What the manifest holds is the scenario, whole."""
    once = from_builtins(SMALL)
    assert from_builtins(to_builtins(once)) == once


def test_the_rate_is_one_message_a_second_and_user_unless_given():
    """The documented default of the open model."""
    assert from_builtins(SMALL).load.rate_per_s == 10
    given = from_builtins({**SMALL, "load": {"users": 10, "rate": "300/s"}})
    assert given.load.rate_per_s == 300


def test_a_bare_weight_means_the_workload_with_its_defaults():
    """`direct: 3` and `direct: {weight: 3}` are one thing."""
    shares = from_builtins(SMALL).load.shares()
    assert shares["direct"] == model.WorkloadShare(weight=3)
    assert shares["group"].size == 5


def test_a_fault_ends_after_its_duration():
    """`for` counts from `at`."""
    assert from_builtins(SMALL).faults[0].ends_s == 3


def test_every_fault_brings_two_windows():
    """Objectives can be bound to a fault and to the recovery from it."""
    assert from_builtins(SMALL).windows() == ["steady", "run", "fault:f", "recovery:f"]


def test_a_scenario_cannot_be_changed():
    """What was checked is what runs."""
    with pytest.raises(AttributeError):
        from_builtins(SMALL).seed = 2
