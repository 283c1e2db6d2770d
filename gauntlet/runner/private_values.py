"""Resolves the secrets of a scenario, and hands them to the load process without a file."""

import os
import subprocess
import threading
from typing import NamedTuple

import msgspec

from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.model import Scenario, from_builtins, to_builtins
from gauntlet.core.scenario.private import Private
from gauntlet.core.scenario.secrets import Value

_COMMAND_TIMEOUT_S = 30.0


class ResolvedScenario(NamedTuple):
    """A scenario as it was written, `filled` with all values, and those that no file may contain.

    Only `scenario` may be written, by `secrets.redacted`.
    """

    scenario: Scenario
    filled: Scenario
    values: dict[str, Value]


def resolve(scenario: Scenario, *, allow_exec: bool) -> ResolvedScenario:
    """Resolve the references of a scenario.

    Raises ConfigError if a reference has no value, or is a command that may not run.
    """
    plain = to_builtins(scenario)
    public, literals = secrets.separate(plain)
    values = {**literals, **secrets.resolve(public, run_command if allow_exec else None)}
    return ResolvedScenario(scenario, from_builtins(secrets.filled(plain, values)), values)


def open_pipe(private: Private) -> int:
    """Return a file descriptor from which one child can read the values, and close afterwards.

    A pipe, unlike an environment variable, is not inherited by the processes that the child starts
    and cannot be read again.
    """
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as stream:
            stream.write(msgspec.json.encode(private))

    # In a thread, because many values do not fit into the pipe before the child reads it.
    threading.Thread(target=write, name="private-values", daemon=True).start()
    return reader


def run_command(command: list[str]) -> str:
    """Return what a command prints; ValueError, without its output, if it fails."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=_COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"must end within {_COMMAND_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        raise ValueError(f"must end with exit code 0; got {done.returncode}")
    return done.stdout
