"""What changes in a scenario that is run on another system than the one it was written for."""

import msgspec

from gauntlet.core.scenario.model import Objective, Scenario, Target

# How many connections end without a fault depends on the network and the machine of the clients,
# and on whether a system limits the age of connections. The scenario knows that of its own system.
_LOST = frozenset({"lost_connections_count", "lost_connections_per_1000_min"})


def with_target(scenario: Scenario, target: Target) -> Scenario:
    """Return the scenario with another target.

    If that is another system, connections that are lost in steady load are only a warning.
    """
    changed = msgspec.structs.replace(scenario, target=target)
    if not _is_other(scenario.target, target):
        return changed
    return msgspec.structs.replace(changed, sla=[_as_warning(each) for each in scenario.sla])


def _is_other(own: Target, target: Target) -> bool:
    return own.adapter != target.adapter or (own.stack != target.stack == "external")


def _as_warning(objective: Objective) -> Objective:
    if objective.indicator not in _LOST or objective.window != "steady":
        return objective
    return msgspec.structs.replace(objective, severity="warn")
