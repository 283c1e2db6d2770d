"""Hooks that let a fault strike the server at an exact point, or give it a known limit.

Like the seeded bugs they are loaded inside the server's processes, and only there. A scenario does
not name them: its faults need them (`core.scenario.catalog`), and say so in their reference.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault


class ServerFault(NamedTuple):
    """`module` has an `install()`, called in every process that hosts `service`."""

    about: str
    service: str  # as a key of the cluster's `startup_hooks`
    module: str


SERVER_FAULTS: dict[str, ServerFault] = {
    "crash_after_commit": ServerFault(
        "SIGUSR1 has the process die after its next commit, before that is published",
        "message",
        "gauntlet.chaos.server_hooks.faults.crash_after_commit",
    ),
    "mute_edge": ServerFault(
        "the green environment's edges accept clients and never push a message",
        "edge@green",
        "gauntlet.chaos.server_hooks.faults.mute_edge",
    ),
    "slow_commits": ServerFault(
        "the message service stores a known number of messages a second, and no more",
        "message",
        "gauntlet.chaos.server_hooks.faults.slow_commits",
    ),
}


def hooks_for(faults: Iterable[Fault]) -> dict[str, list[str]]:
    """The start-up hooks that these faults need: modules by service."""
    needed = sorted({name for fault in faults for name in _needed_by(fault)})
    hooks: dict[str, list[str]] = {}
    for sabotage in (SERVER_FAULTS[name] for name in needed):
        hooks.setdefault(sabotage.service, []).append(sabotage.module)
    return hooks


def _needed_by(fault: Fault) -> set[str]:
    kind = catalog.FAULTS[fault.kind]
    flags = {param.hook for name, param in kind.params.items() if fault.params.get(name) is True}
    return {kind.hook, *flags} - {""}
