"""What a scenario limits on its own system is a warning on another one."""

import msgspec
import pytest

from gauntlet.core.scenario.model import Target
from gauntlet.core.scenario.overrides.other_system import with_target
from gauntlet.scenarios import library


def severities(scenario):
    return {objective.id: objective.severity for objective in scenario.sla}


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"adapter": "mqtt", "stack": "mosquitto"}, "warn"),
        ({"adapter": "mqtt", "stack": "external"}, "warn"),
        ({"stack": "external"}, "warn"),
        ({"stack": "full"}, "fail"),
        ({}, "fail"),
    ],
)
def test_lost_connections_are_a_warning_on_another_system(changes, severity):
    scenario = library.find("steady")
    changed = with_target(scenario, msgspec.structs.replace(scenario.target, **changes))
    assert severities(changed) == {**severities(scenario), "connections-last": severity}
    assert severities(scenario)["connections-last"] == "fail"


def test_a_scenario_for_an_external_system_keeps_what_it_limits():
    own = msgspec.structs.replace(
        library.find("steady"), target=Target(stack="external", url=["ws://127.0.0.1:1"])
    )
    other = msgspec.structs.replace(own.target, url=["ws://127.0.0.1:2"])
    assert severities(with_target(own, other))["connections-last"] == "fail"
