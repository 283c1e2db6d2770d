"""Finds scenarios: by name in the library, by path anywhere else."""

from pathlib import Path

from gauntlet.kernel import scenario_file
from gauntlet.kernel.errors import ConfigError
from gauntlet.kernel.scenario import Scenario
from scenarios import library


def find(name_or_file: str) -> Scenario:
    """The scenario a user named; ConfigError says what there is when there is no such one."""
    if name_or_file in library.names():
        return scenario_file.load(library.path(name_or_file))
    file = Path(name_or_file)
    if file.suffix in {".yaml", ".yml"} or file.exists():
        return scenario_file.load(file)
    known = ", ".join(library.names())
    raise ConfigError(f"no scenario {name_or_file!r}; a file, or one of: {known}")


def all_scenarios() -> list[Scenario]:
    """Every scenario of the library, by name."""
    return [scenario_file.load(library.path(name)) for name in library.names()]
