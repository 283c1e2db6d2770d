"""Which components faults on disks act on, and their disks."""

from collections.abc import Iterable, Mapping
from typing import Any

from gauntlet.chaos.disks.disk import Disk
from gauntlet.chaos.faults.base import Evidence, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import StackPlan, resolve_components
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault


def disks_of(context: Context, target: str) -> dict[str, Disk]:
    """Return the disks of the components of a target, by component.

    Raises FaultFailed if a component has none although this machine can mount disks.
    """
    names = resolve_components(target, context.plan)
    missing = [name for name in names if name not in context.disks]
    if missing:
        raise FaultFailed(f"these components have no disk of their own: {', '.join(missing)}")
    return {name: context.disks[name] for name in names}


def unproven(reason: str) -> Evidence:
    """Return the detail of a fault that did not act; the run is then inconclusive."""
    return {"unproven": {"reason": reason}}


def needed(
    faults: Iterable[Fault], plan: StackPlan, components: Iterable[Mapping[str, Any]]
) -> set[str]:
    """Return the components that need a disk; ConfigError if one keeps no data of its own."""
    able = {row["name"] for row in components if row.get("disk")}
    found: set[str] = set()
    for fault in faults:
        if not catalog.FAULTS[fault.kind].disk:
            continue
        names = resolve_components(fault.target, plan)
        if unable := [name for name in names if name not in able]:
            raise ConfigError(
                f"fault {fault.id!r} ({fault.kind}) must have a target with a data folder that no "
                f"other component uses; in this stack: {', '.join(sorted(able)) or 'none'}; got "
                f"{', '.join(unable)}"
            )
        found |= set(names)
    return found
