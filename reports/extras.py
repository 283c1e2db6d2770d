"""The optional parts of the distribution that presenting a run may need."""

from importlib.util import find_spec

from gauntlet.core.errors import ConfigError

# The module by which an installed extra is recognised.
MODULES = {"charts": "matplotlib", "parquet": "pyarrow"}


def is_installed(extra: str) -> bool:
    """Return whether an extra is installed."""
    return find_spec(MODULES[extra]) is not None


def install_command(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'im-gauntlet[{extra}]'"


def require(extra: str, purpose: str) -> None:
    """Raise ConfigError with the command that installs an extra, if it is missing."""
    if not is_installed(extra):
        raise ConfigError(f"{purpose} needs the extra {extra}: {install_command(extra)}")
