"""Server-side faults: hooks that make the server fail at an exact point, or limit its capacity.

Like the seeded bugs, they are loaded inside the server's processes and nowhere else. A scenario
does not name them: the catalogue of faults (`gauntlet.core.scenario.catalog`) says which fault
needs which hook.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault


class ServerFault(NamedTuple):
    """A hook: `module` has an `install()`, called in every process that hosts `service`."""

    about: str
    service: str  # as a key of the cluster's `startup_hooks`
    module: str


SERVER_FAULTS: dict[str, ServerFault] = {
    "crash_after_commit": ServerFault(
        "after SIGUSR1 or SIGUSR2, the process dies after its next commit and before the publish",
        "message",
        "gauntlet.chaos.server_hooks.faults.crash_after_commit",
    ),
    "expired_certificate": ServerFault(
        "edges present an expired certificate while a file says so",
        "edge",
        "gauntlet.chaos.server_hooks.faults.expired_certificate",
    ),
    "mute_edge": ServerFault(
        "the edges of the green environment accept clients and never push a message",
        "edge@green",
        "gauntlet.chaos.server_hooks.faults.mute_edge",
    ),
    "slow_commits": ServerFault(
        "the message service stores at most a known number of messages a second",
        "message",
        "gauntlet.chaos.server_hooks.faults.slow_commits",
    ),
}


def hooks_for(faults: Iterable[Fault]) -> dict[str, list[str]]:
    """Return the start-up hooks that these faults need: module names, by service."""
    needed = sorted({name for fault in faults for name in _hooks_needed_by(fault)})
    hooks: dict[str, list[str]] = {}
    for name in needed:
        server_fault = SERVER_FAULTS[name]
        hooks.setdefault(server_fault.service, []).append(server_fault.module)
    return hooks


def _hooks_needed_by(fault: Fault) -> set[str]:
    kind = catalog.FAULTS[fault.kind]
    flags = {param.hook for name, param in kind.params.items() if fault.params.get(name) is True}
    return {kind.hook, *flags} - {""}
