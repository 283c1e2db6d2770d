"""Changes that plain Locust makes to a scenario: its target with `--host`, its load with tasks."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import yaml

from gauntlet.core.scenario.model import Scenario, to_builtins
from gauntlet.core.scenario.overrides import other_system
from gauntlet.scenarios import library

Override = Callable[[Scenario], Scenario]


def write_overridden(scenario_name: str, folder: Path, overrides: Iterable[Override]) -> Path:
    """Write a scenario with overrides to a file in `folder`, and return the file.

    The folder must be private to the user: the file has the secrets that the scenario itself has.
    """
    scenario = library.find(scenario_name)
    for override in overrides:
        scenario = override(scenario)
    file = folder / f"{scenario.name}.yaml"
    file.write_text(yaml.safe_dump(to_builtins(scenario)), encoding="utf-8")
    return file


def attach_to_host(scenario: Scenario, host: str) -> Scenario:
    """Return the scenario with a server that already runs as its target.

    The faults of a scenario for a stack that Gauntlet boots are removed, and with them the
    objectives about their windows. A scenario for an external system keeps its faults. Connections
    that are lost without a fault are only a warning, because the scenario does not know the system.
    """
    target = msgspec.structs.replace(
        scenario.target, stack="external", layout="default", url=[host]
    )
    if scenario.target.stack == "external":
        return msgspec.structs.replace(scenario, target=target)
    moved = other_system.with_target(scenario, target)
    return msgspec.structs.replace(
        moved,
        faults=[],
        sla=[objective for objective in moved.sla if ":" not in objective.window],
    )


def close_loop(scenario: Scenario, users: int | None) -> Scenario:
    """Return the scenario without arrivals: tasks send. Everything else stays.

    Groups have at most `users` members, so that tasks can be tried out with a few users.
    """
    size_max = users or scenario.load.users
    workload = {
        name: msgspec.structs.replace(share, size=min(share.size, size_max))
        for name, share in scenario.load.shares().items()
    }
    load = msgspec.structs.replace(scenario.load, model="closed", workload=workload)
    return msgspec.structs.replace(scenario, load=load)
