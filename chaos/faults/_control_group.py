"""What faults by control groups share: one group for each victim, noted before it exists."""

from collections.abc import Callable, Iterable, Mapping

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults._processes import process_state
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError


def create_groups(
    context: Context, controller: str, victims: Mapping[str, Component]
) -> dict[str, ControlGroup]:
    """Create an empty control group for each component, or none.

    Raises StackError, with the reason, if control groups cannot be used here.
    """
    groups: dict[str, ControlGroup] = {}
    try:
        for name, victim in victims.items():
            groups[name] = _create_group(context, controller, victim)
    except BaseException:
        remove_groups(groups)
        raise
    return groups


def remove_groups(groups: Mapping[str, ControlGroup]) -> None:
    """Move the processes back, and remove the groups; new processes were never in them."""
    for group in groups.values():
        group.remove()


def verify_removed(
    groups: Mapping[str, ControlGroup], victims: Mapping[str, Component]
) -> Evidence:
    """Return the states of the processes; RollbackError if a group still exists."""
    left = [str(group.path) for group in groups.values() if group.path.exists()]
    if left:
        raise RollbackError(f"these control groups still exist: {', '.join(left)}")
    return {name: process_state(victim.pid) for name, victim in victims.items()}


def _create_group(context: Context, controller: str, victim: Component) -> ControlGroup:
    """Create an empty control group for a component.

    Its path is journalled before, so that a recovery after a crash of the harness removes it.
    """
    if victim.pid is None:
        raise FaultFailed(f"{victim.name} has no process")
    return ControlGroup.create(
        controller, victim.pid, lambda path: context.record("control-group", path=str(path))
    )


def observe_all(
    context: Context,
    names: Iterable[str],
    state_of: Callable[[str], Evidence],
    holds: Callable[[Evidence], bool],
) -> tuple[bool, Evidence]:
    """Look at the components until all are in the wanted state, or the time for a proof is over.

    Returns whether there were any and all of them got there, and the last states by name.
    """
    last: Evidence = {}

    def all_hold() -> bool | None:
        last.update({name: state_of(name) for name in names})
        return all(holds(each) for each in last.values()) or None

    return bool(poll(all_hold, PROVE_S, context.stop) and last), last
