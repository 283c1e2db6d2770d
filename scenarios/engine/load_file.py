"""Reads `load.json`, which describes the load and its target, before the load starts."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import model as scenario
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.accounts import Account
from gauntlet.core.scenario.private import Private
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.core.scenario.traces.arrival_trace import Trace

# The file descriptor from which the process that `gauntlet run` starts reads what is private.
PRIVATE_VARIABLE = "GAUNTLET_PRIVATE_FD"


@dataclass(frozen=True, slots=True)
class LoadFile:
    """The load of one run: `api` are the addresses of the gateways for clients.

    `trace` is that of a recorded profile. `tag` makes the ids of this run, and its users where the
    system allows that, different from those of earlier runs. `dial` maps the `host:port` of the
    target to that of the fault proxy in front of it. The first `traced_users` users of each worker
    are traced. `accounts` are those of this worker, if the master has sent them; otherwise the
    worker reads the file.
    """

    scenario: scenario.Scenario
    run: RunDir
    api: list[str]
    workers: int
    trace: Trace | None = None
    tag: str = ""
    dial: dict[str, str] = field(default_factory=dict)
    traced_users: int = 0
    accounts: list[Account] | None = None


def read(file: Path, private: Private | None = None) -> LoadFile:
    """Read the load of a file; ConfigError if it is not a valid load.json."""
    return parse(_read(file), str(file), private)


def read_scenario(file: Path) -> scenario.Scenario:
    """Read the scenario of a load.json, in which secrets are references or `***`."""
    plain = _read(file)
    try:
        return scenario.from_builtins(plain["scenario"])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{file} is not a load.json: {error!r}") from error


def take_private() -> Private | None:
    """Read what the process that started this one hands over; None if there is nothing."""
    descriptor = os.environ.pop(PRIVATE_VARIABLE, "")
    if not descriptor:
        return None
    with os.fdopen(int(descriptor), "rb") as stream:
        return msgspec.json.decode(stream.read(), type=Private)


def parse(plain: Any, where: str, private: Private | None = None) -> LoadFile:
    """The load from the content of a load.json, which workers on other hosts receive as well.

    Without `private`, this process resolves the references itself, except for commands.
    """
    try:
        whole = dict(plain["scenario"])
        api = [str(url) for url in (plain["api"] if private is None else private.api)]
        values = secrets.resolve(whole, None) if private is None else private.values
        whole = secrets.filled(whole, values)
        _check_complete(whole, api)
        return LoadFile(
            scenario.from_builtins(whole),
            RunDir(Path(plain["run_dir"])),
            api,
            int(plain.get("workers", 1)),
            None if plain.get("trace") is None else arrival_trace.from_builtins(plain["trace"]),
            str(plain.get("tag", "")),
            {str(key): str(value) for key, value in plain.get("dial", {}).items()},
            int(plain.get("traced_users", 0)),
            None if private is None else private.accounts,
        )
    except (ValueError, KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        msg = f"{where} is not a load.json: {error!r}"
        raise ConfigError(msg) from error


def _check_complete(plain: dict[str, Any], api: list[str]) -> None:
    """Raise a ConfigError if the load needs a value that only the master's process knows."""
    hidden = [*secrets.missing(plain), *(url for url in api if secrets.REDACTED in url)]
    if hidden:
        raise ConfigError(
            f"{hidden[0]} is a literal value, which is not sent to other hosts: refer to it by "
            "{env: …} or {file: …}, which every host resolves, or start the master with "
            "--im-share-secrets"
        )


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} is not a load.json: {error!r}") from error
