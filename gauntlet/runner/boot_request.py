"""The request to boot a stack: its configuration, layout, and the hooks of bugs and faults."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gauntlet.chaos.server_hooks.bug_files import find_bug
from gauntlet.chaos.server_hooks.faults import hooks_for
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import catalog, secrets
from gauntlet.core.scenario.model import Fault, Scenario


def standbys_for(faults: Iterable[Fault]) -> list[str]:
    """Return the stores that need a standby; without such a fault there is none to wait for."""
    return sorted({fault.target for fault in faults if catalog.FAULTS[fault.kind].standby})


def boot_request(
    scenario: Scenario,
    bug: str | None,
    data: Path,
    run: RunDir,
    python: str | None = None,
) -> dict[str, Any]:
    """The request that `STACKS[name]` takes; `docs/reference/control-api.md` describes its keys.

    With `python`, the reference server of another installation is to be booted; what an older one
    does not know of the request is left out, or refused, when it is started.
    """
    hooks = hooks_for(scenario.faults)
    if bug is not None:
        seeded = find_bug(bug)
        for service in seeded.services:
            hooks.setdefault(service, []).append(seeded.module)
    standbys = standbys_for(scenario.faults)
    return {
        "stack": scenario.target.stack,
        "data_dir": str(data),
        "log_dir": str(run.logs.resolve()),
        "config": secrets.settings(scenario.target.server),
        "startup_hooks": hooks,
        "layout": scenario.target.layout,
        "trail_dir": str(run.server.resolve()),  # a stack that keeps no trails ignores it
        **({"standbys": standbys} if standbys else {}),
        **({"python": python} if python else {}),
        **({"transport": scenario.load.transport} if scenario.load.transport else {}),
    }
