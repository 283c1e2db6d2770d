"""Scenarios that plain Locust changes: `--host` attaches them, users with tasks drive them."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import yaml

from gauntlet.core.scenario.model import Scenario, Target, to_builtins
from gauntlet.scenarios import library

Change = Callable[[Scenario], Scenario]


def derived(scenario: str, folder: Path, changes: Iterable[Change]) -> Path:
    """A scenario file in `folder`: the named scenario, changed."""
    wanted = library.find(scenario)
    for change in changes:
        wanted = change(wanted)
    written = folder / f"{wanted.name}.yaml"
    written.write_text(yaml.safe_dump(to_builtins(wanted)), encoding="utf-8")
    return written


def attached(wanted: Scenario, host: str) -> Scenario:
    """The scenario's load on a server that is already there, undisturbed.

    We cannot break a server that we did not start: faults, and what is asked of them, are left out.
    """
    target = Target(
        adapter=wanted.target.adapter,
        stack="external",
        url=[host],
        allow_hosts=wanted.target.allow_hosts,
        server=wanted.target.server,
    )
    return msgspec.structs.replace(
        wanted,
        target=target,
        faults=[],
        sla=[objective for objective in wanted.sla if ":" not in objective.window],
    )


def driven(wanted: Scenario, users: int | None) -> Scenario:
    """The scenario without arrivals: tasks send. Conversations, faults and objectives stay.

    Whoever tries his tasks with a few `users` gets groups of so many.
    """
    most = users or wanted.load.users
    workload = {
        name: msgspec.structs.replace(share, size=min(share.size, most))
        for name, share in wanted.load.shares().items()
    }
    load = msgspec.structs.replace(wanted.load, model="closed", workload=workload)
    return msgspec.structs.replace(wanted, load=load)
