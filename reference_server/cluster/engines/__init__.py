"""From a plan to the commands of all its components."""

import json
from collections.abc import Callable
from pathlib import Path

from gauntlet.reference_server.cluster.engines import (
    postgres,
    python_process,
    rabbitmq,
    redis_server,
)
from gauntlet.reference_server.cluster.supervision.launch_spec import (
    Binary,
    Launch,
    MissingBinaryError,
)
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError

FINDERS: dict[str, Callable[[], Binary]] = {
    plan.REDIS: redis_server.find,
    plan.RABBITMQ: rabbitmq.find,
    plan.POSTGRES: postgres.find,
}

STORES: dict[str, Callable[[plan.Component, Path, Path], Launch]] = {
    plan.REDIS: redis_server.launch,
    plan.RABBITMQ: rabbitmq.launch,
    plan.POSTGRES: postgres.launch,
}


def check_binaries(planned: plan.Plan) -> None:
    """StartError, naming the component and how to install its server, if one is missing."""
    for component in planned.components:
        if component.engine in FINDERS:
            try:
                FINDERS[component.engine]()
            except MissingBinaryError as error:
                raise StartError(component.name, str(error), missing=True) from error


def make_launches(wiring: python_process.Wiring, log_dir: Path) -> dict[str, Launch]:
    """The launch of every component by name; folders and configuration files are written."""
    launches: dict[str, Launch] = {}
    for component in wiring.plan.components:
        log = log_dir / f"{component.name}.log"
        if component.engine == plan.PYTHON:
            launches[component.name] = python_process.launch(component, wiring, log)
        else:
            launches[component.name] = STORES[component.engine](component, wiring.data_dir, log)
    return launches


def probe() -> str:
    """One JSON line: which server programs this machine has."""
    found: dict[str, dict[str, str] | None] = {}
    for engine, find in FINDERS.items():
        try:
            binary = find()
            found[engine] = {"path": binary.path, "version": binary.version}
        except MissingBinaryError:
            found[engine] = None
    return json.dumps(found)
