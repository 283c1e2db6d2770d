"""The scenarios that ship with Gauntlet: one YAML file each, beside this module."""

from pathlib import Path

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario import loader
from gauntlet.core.scenario.model import Scenario

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The name of every scenario, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def path(name: str) -> Path:
    """The file of a scenario; KeyError if there is none of that name."""
    file = _FOLDER / f"{name}.yaml"
    if not file.is_file():
        raise KeyError(name)
    return file


def find(name_or_file: str) -> Scenario:
    """Load a scenario by its name in the library or by its path; ConfigError if there is none."""
    if name_or_file in names():
        return loader.load(path(name_or_file))
    file = Path(name_or_file)
    if file.suffix in {".yaml", ".yml"} or file.exists():
        return loader.load(file)
    known = ", ".join(names())
    raise ConfigError(f"no scenario {name_or_file!r}; a file, or one of: {known}")


def all_scenarios() -> list[Scenario]:
    """Load every scenario of the library, sorted by name."""
    return [loader.load(path(name)) for name in names()]
