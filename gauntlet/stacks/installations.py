"""Other installations of the reference server, such as an earlier version to compare with."""

import os
import subprocess
from collections.abc import Mapping

from gauntlet.core.errors import ConfigError

STACKS = ("embedded", "full")
# What would make another Python import our packages instead of its own.
ENVIRONMENT: Mapping[str, str | None] = {"PYTHONPATH": None, "PYTHONHOME": None}
_TIMEOUT_S = 30.0
_CODE = """
import importlib.metadata, importlib.util
importlib.util.find_spec("gauntlet.reference_server.cluster.__main__").name
print(importlib.metadata.version("im-gauntlet"))
"""


def check(python: str, stack: str) -> None:
    """Raise a ConfigError if the server of an installation cannot be booted as this stack."""
    if stack not in STACKS:
        raise ConfigError(
            f"another installation is only possible with the stacks {' and '.join(STACKS)}, which "
            f"run the reference server; got {stack}"
        )
    version_of(python)


def version_of(python: str) -> str:
    """Return the version that is installed for a Python; ConfigError if there is none."""
    environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    try:
        done = subprocess.run(
            [python, "-P", "-c", _CODE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{python} must be a Python that can be run: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise ConfigError(f"{python} must be a Python with im-gauntlet installed: {last}")
    return done.stdout.strip()
