"""Which targets a fault can be aimed at."""

import pytest

from gauntlet.kernel import vocabulary
from gauntlet.kernel.scenario_rules import role_of, target_fits


@pytest.mark.parametrize(
    ("target", "role"),
    [
        ("edge-blue-1", "edge"),
        ("gateway-2", "gateway"),
        ("messages-db", "messages-db"),
        ("edge", "edge"),
        ("edgy", "edgy"),
        ("gateway-x", "gateway-x"),
    ],
)
def test_a_component_belongs_to_its_role(target, role):
    """Names of components are read by their documented pattern only."""
    assert role_of(target) == role


@pytest.mark.parametrize(
    ("kind", "target", "fits"),
    [
        ("kill", "gateway-1", True),
        ("kill", "client>edge", False),
        ("latency", "edge>broker", True),
        ("latency", "broker", False),
        ("latency", "nobody>broker", False),
        ("disconnect", "client>edge-blue-1", True),
        ("disconnect", "edge>broker", False),
        ("cutover", "edge", True),
        ("broker-failure", "gateway", False),
    ],
)
def test_faults_accept_only_targets_they_can_act_on(kind, target, fits):
    """A fault that could not act is refused before anything starts."""
    assert target_fits(target, vocabulary.FAULTS[kind].targets) is fits
