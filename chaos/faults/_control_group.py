"""What faults by control groups share: one group for each victim, noted before it exists."""

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.context import Context


def put_into_group(context: Context, controller: str, victim: Component) -> ControlGroup:
    """Create an empty group for a component.

    The journal has its path before, so that it is removed after the death of the harness, too.
    Raises StackError if control groups cannot be used here.
    """
    if victim.pid is None:
        raise FaultFailed(f"{victim.name} has no process")
    return ControlGroup.create(
        controller, victim.pid, lambda path: context.record("control-group", path=str(path))
    )
