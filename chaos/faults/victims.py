"""Which components of a role a fault takes: how many of them, and in which order.

The order follows from the scenario and its seed alone, so that it is known before the load, and
the same in every run.
"""

import math
import random
from collections.abc import Iterable

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults import _processes
from gauntlet.chaos.faults.base import FaultFailed, param
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.targets import StackPlan, resolve_components
from gauntlet.core.plugins import Param
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault as Spec

# The parameters of faults that act on some components of a role.
VICTIM_PARAMS = {
    "count": Param("whole", 1, "how many of the role's running components"),
    "percent": Param(
        "percent", None, "in place of `count`: which share of them, rounded up to whole components"
    ),
    "pick": Param("choice", "first", "by name, or at random by the seed", ("first", "random")),
}
# `count` has a default, so it is given only if the scenario contains it.
COUNT_OR_PERCENT = (("count", "percent"),)


def in_order(names: Iterable[str], spec: Spec, seed: int) -> list[str]:
    """Return the names of components in the order in which a fault takes them.

    A random order comes from a stream of the seed for each fault, so that another fault more or
    less does not change it.
    """
    ordered = sorted(names)
    if _is_random(spec):
        random.Random(f"{seed}/victims/{spec.id}").shuffle(ordered)
    return ordered


def victim_count(spec: Spec, running: int) -> int:
    """Return how many of so many running components a fault takes."""
    percent: float | None = param(spec, "percent")
    if percent is None:
        return int(param(spec, "count"))
    return max(1, math.ceil(round(running * percent / 100, 6)))


def random_orders(faults: Iterable[Spec], plan: StackPlan, seed: int) -> dict[str, list[str]]:
    """Return the order of each fault with random victims, by the id of the fault."""
    return {
        fault.id: in_order(resolve_components(fault.target, plan), fault, seed)
        for fault in faults
        if _is_random(fault)
    }


def choose(context: Context, spec: Spec) -> dict[str, Component]:
    """Return the running components that a fault takes, by name.

    Raises FaultFailed if fewer of them run than the fault needs, also after a moment.
    """
    planned = resolve_components(spec.target, context.plan)
    # A share is one of those that run, so one of them is enough for it.
    running = _processes.running(context, spec.target, victim_count(spec, 0))
    names = [name for name in in_order(planned, spec, context.seed) if name in running]
    wanted = victim_count(spec, len(names))
    if not names:
        raise FaultFailed(f"no component of {spec.target} is running")
    if wanted > len(names):
        raise FaultFailed(
            f"params.count is {wanted}, but of {spec.target} only {len(names)} "
            f"{'is' if len(names) == 1 else 'are'} running: {', '.join(names)}"
        )
    return {name: running[name] for name in names[:wanted]}


def _is_random(spec: Spec) -> bool:
    return "pick" in catalog.FAULTS[spec.kind].params and param(spec, "pick") == "random"
