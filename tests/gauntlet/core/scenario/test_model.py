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


def test_a_scenario_survives_the_conversion_to_plain_data():
    once = from_builtins(SMALL)
    assert from_builtins(to_builtins(once)) == once


def test_the_default_rate_is_one_message_per_user_and_second():
    assert from_builtins(SMALL).load.rate_per_s == 10
    given = from_builtins({**SMALL, "load": {"users": 10, "rate": "300/s"}})
    assert given.load.rate_per_s == 300


def test_a_bare_weight_means_default_parameters():
    shares = from_builtins(SMALL).load.shares()
    assert shares["direct"] == model.WorkloadShare(weight=3)
    assert shares["group"].size == 5


def test_a_fault_ends_after_its_duration():
    assert from_builtins(SMALL).faults[0].ends_s == 3


def test_every_fault_adds_two_windows():
    assert from_builtins(SMALL).windows() == ["steady", "run", "fault:f", "recovery:f"]


def test_a_scenario_is_immutable():
    with pytest.raises(AttributeError):
        from_builtins(SMALL).seed = 2
