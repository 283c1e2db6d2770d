"""Reads `load.json`, which says what load to put on what (written before the load starts)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import model as scenario
from gauntlet.core.scenario.arrival_trace import Trace


@dataclass(frozen=True, slots=True)
class LoadFile:
    """`api` are the gateways as clients reach them; a recorded profile brings its `trace`.

    `tag` tells this run's ids, and users where a system lets it, from those of any run before it.
    """

    scenario: scenario.Scenario
    run: RunDir
    api: list[str]
    workers: int
    trace: Trace | None = None
    tag: str = ""


def read(file: Path) -> LoadFile:
    """The load of a file; ConfigError where it is none."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{file} is not a load.json: {error!r}"
        raise ConfigError(msg) from error
    return parse(plain, str(file))


def parse(plain: Any, where: str) -> LoadFile:
    """The load of such a file's content, which also travels to workers on other hosts."""
    try:
        return LoadFile(
            scenario.from_builtins(plain["scenario"]),
            RunDir(Path(plain["run_dir"])),
            [str(url) for url in plain["api"]],
            int(plain.get("workers", 1)),
            _trace(plain.get("trace")),
            str(plain.get("tag", "")),
        )
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        msg = f"{where} is not a load.json: {error!r}"
        raise ConfigError(msg) from error


def _trace(plain: dict[str, Any] | None) -> Trace | None:
    if plain is None:
        return None
    return Trace(str(plain["column"]), tuple(float(value) for value in plain["values"]))
