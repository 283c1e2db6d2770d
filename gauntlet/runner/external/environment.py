"""The environment of the commands that a scenario names (pure)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gauntlet.core.scenario.model import Scenario, to_builtins

# Variables of Gauntlet and of Locust, which may hold addresses and settings of this run.
_OURS = ("GAUNTLET_", "LOCUST_")


def command_environment(
    scenario: Scenario, run: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment without the secrets of the scenario and our own variables.

    Added is GAUNTLET_RUN, the path of the run directory; each fault adds GAUNTLET_FAULT, its id.
    """
    secret = set(secret_variables(to_builtins(scenario)))
    kept = {
        name: value
        for name, value in environment.items()
        if name not in secret and not name.startswith(_OURS)
    }
    return {**kept, "GAUNTLET_RUN": str(run.resolve())}


def secret_variables(plain: Any) -> Iterator[str]:
    """Yield the variables that a scenario reads secrets from: those of `{env: NAME}`."""
    if isinstance(plain, dict):
        if set(plain) == {"env"} and isinstance(plain["env"], str):
            yield plain["env"]
        for value in plain.values():
            yield from secret_variables(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from secret_variables(value)
