"""Reads `load.json`, which describes the load and its target, before the load starts."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import model as scenario
from gauntlet.core.scenario.arrival_trace import Trace


@dataclass(frozen=True, slots=True)
class LoadFile:
    """The load of one run: `api` are the addresses of the gateways for clients.

    `trace` is that of a recorded profile. `tag` makes the ids of this run, and its users where the
    system allows that, different from those of earlier runs. `dial` maps the `host:port` of the
    target to that of the fault proxy in front of it. The first `traced_users` users of each worker
    are traced.
    """

    scenario: scenario.Scenario
    run: RunDir
    api: list[str]
    workers: int
    trace: Trace | None = None
    tag: str = ""
    dial: dict[str, str] = field(default_factory=dict)
    traced_users: int = 0


def read(file: Path) -> LoadFile:
    """Read the load of a file; ConfigError if it is not a valid load.json."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{file} is not a load.json: {error!r}"
        raise ConfigError(msg) from error
    return parse(plain, str(file))


def parse(plain: Any, where: str) -> LoadFile:
    """The load from the content of a load.json, which workers on other hosts receive as well."""
    try:
        return LoadFile(
            scenario.from_builtins(plain["scenario"]),
            RunDir(Path(plain["run_dir"])),
            [str(url) for url in plain["api"]],
            int(plain.get("workers", 1)),
            _trace(plain.get("trace")),
            str(plain.get("tag", "")),
            {str(key): str(value) for key, value in plain.get("dial", {}).items()},
            int(plain.get("traced_users", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        msg = f"{where} is not a load.json: {error!r}"
        raise ConfigError(msg) from error


def _trace(plain: dict[str, Any] | None) -> Trace | None:
    if plain is None:
        return None
    return Trace(str(plain["column"]), tuple(float(value) for value in plain["values"]))
