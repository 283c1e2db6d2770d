"""The named scenarios: one YAML file each, beside this one."""

from pathlib import Path

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Every scenario's name, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def path(name: str) -> Path:
    """The file of a scenario; KeyError where there is none of that name."""
    file = _FOLDER / f"{name}.yaml"
    if not file.is_file():
        raise KeyError(name)
    return file
