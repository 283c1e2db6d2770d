"""Which components need a wall clock of their own."""

from collections.abc import Iterable

from gauntlet.chaos.faults.targets import StackPlan, resolve_components
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault


def needed(faults: Iterable[Fault], plan: StackPlan) -> set[str]:
    """Return the components that need a wall clock of their own."""
    return {
        name
        for fault in faults
        if catalog.FAULTS[fault.kind].clock
        for name in resolve_components(fault.target, plan)
    }
