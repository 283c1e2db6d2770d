"""`--host`: the same scenario, on a server that is already there."""

from pathlib import Path

import msgspec
import yaml

from gauntlet.kernel import scenario_file
from gauntlet.kernel.scenario import Scenario, Target, to_builtins
from scenarios import library


def attached(scenario: str, host: str, folder: Path) -> Path:
    """A scenario file in `folder` that puts the named scenario's load on `host`, undisturbed.

    We cannot break a server that we did not start: faults, and what is asked of them, are left out.
    """
    file = library.path(scenario) if scenario in library.names() else Path(scenario)
    wanted: Scenario = scenario_file.load(file)
    target = Target(
        adapter=wanted.target.adapter,
        stack="external",
        url=[host],
        allow_hosts=wanted.target.allow_hosts,
        server=wanted.target.server,
    )
    calm = msgspec.structs.replace(
        wanted,
        target=target,
        faults=[],
        sla=[objective for objective in wanted.sla if ":" not in objective.window],
    )
    written = folder / f"{wanted.name}.yaml"
    written.write_text(yaml.safe_dump(to_builtins(calm)), encoding="utf-8")
    return written
