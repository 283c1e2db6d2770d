"""All engines: finds their server programs, and turns a plan into launch specifications."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gauntlet.reference_server.cluster.engines import (
    postgres,
    python_process,
    rabbitmq,
    redis_server,
)
from gauntlet.reference_server.cluster.engines.pair import (
    Pair,
    note_of_promotion,
    require_newest,
)
from gauntlet.reference_server.cluster.supervision.launch_spec import (
    Binary,
    LaunchSpec,
    MissingBinaryError,
)
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError

FINDERS: dict[str, Callable[[], Binary]] = {
    plan.REDIS: redis_server.find,
    plan.RABBITMQ: rabbitmq.find,
    plan.POSTGRES: postgres.find,
}

# Each takes a component, the data folder of the cluster, the component's log file and the password,
# and those that can have a standby take a pair.
STORES: dict[str, Callable[..., LaunchSpec]] = {
    plan.REDIS: redis_server.launch_spec,
    plan.RABBITMQ: rabbitmq.launch_spec,
    plan.POSTGRES: postgres.launch_spec,
}


def check_binaries(planned: plan.Plan) -> None:
    """Raise StartError, with the component and how to install its server, if one is missing."""
    for component in planned.components:
        if component.engine in FINDERS:
            try:
                FINDERS[component.engine]()
            except MissingBinaryError as error:
                raise StartError(component.name, str(error), missing=True) from error


def make_launch_specs(wiring: python_process.Wiring, log_dir: Path) -> dict[str, LaunchSpec]:
    """Return the launch specification of every component by name.

    The folders and configuration files that the components need are written. StartError, before
    that, if a store has older data than the standby that an earlier cluster promoted.
    """
    for component in wiring.plan.components:
        if component.engine == plan.POSTGRES:
            require_newest(wiring.data_dir, component.name)
    specs: dict[str, LaunchSpec] = {}
    pairs = _pairs(wiring)
    for component in wiring.plan.components:
        log = log_dir / f"{component.name}.log"
        if component.engine == plan.PYTHON:
            spec = python_process.launch_spec(component, wiring, log)
        else:
            more = {"pair": pairs[component.name]} if component.name in pairs else {}
            spec = STORES[component.engine](
                component, wiring.data_dir_of(component), log, wiring.store_password, **more
            )
        variables = wiring.environment.get(component.name, {})
        specs[component.name] = replace(spec, env={**spec.env, **variables})
    return specs


def _pairs(wiring: python_process.Wiring) -> dict[str, Pair]:
    """Return the pair of each store that has a standby and of each standby, by component."""
    pairs: dict[str, Pair] = {}
    for standby in wiring.plan.components:
        if (primary := standby.standby_of) is not None:
            source = wiring.address(standby.role, primary)
            pair = Pair(primary, {standby.name: source, primary: standby.address})
            if standby.engine == plan.POSTGRES:
                pair.note = note_of_promotion(wiring.data_dir, primary)
            pairs |= dict.fromkeys((primary, standby.name), pair)
    return pairs


def probe() -> str:
    """Return one JSON line that lists which server programs this machine has."""
    binaries: dict[str, dict[str, str] | None] = {}
    for engine, find in FINDERS.items():
        try:
            binary = find()
            binaries[engine] = {"path": binary.path, "version": binary.version}
        except MissingBinaryError:
            binaries[engine] = None
    return json.dumps(binaries)
