"""Other installations of the reference server, such as an earlier version to compare with."""

import os
import subprocess
from collections.abc import Mapping
from typing import Any

import msgspec

from gauntlet.core.errors import ConfigError

STACKS = ("embedded", "full")
# What would make another Python import our packages instead of its own.
ENVIRONMENT: Mapping[str, str | None] = {"PYTHONPATH": None, "PYTHONHOME": None}
_TIMEOUT_S = 60.0
_MODULE = "gauntlet.reference_server.cluster"
_CODE = f"""
import importlib.metadata, json
found = {{"version": importlib.metadata.version("im-gauntlet")}}
try:
    from {_MODULE}.topology import plan
    found["request"] = plan.ClusterRequest.__struct_fields__
    if hasattr(plan, "Advertisement"):
        found["advertisement"] = plan.Advertisement.__struct_fields__
except (AttributeError, ImportError) as error:
    found["missing"] = str(error)
print(json.dumps(found))
"""
# A server that does not know one of these loses nothing that a verdict needs.
_DISPENSABLE = frozenset({"trail_dir"})


class Installation(msgspec.Struct, frozen=True):
    """What is installed for a Python: its version, and the keys that its server knows.

    `request` and `advertisement` are those of the two lines that start a server. `missing` says why
    this version has no server that can be started so.
    """

    version: str
    request: tuple[str, ...] = ()
    advertisement: tuple[str, ...] = ("advertise",)  # all that the first versions know
    missing: str = ""

    def requested(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a request with only what the server knows; ConfigError if it needs more."""
        return self._known(message, self.request)

    def advertised(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return an advertisement with only what the server knows; ConfigError if it needs more."""
        return self._known(message, self.advertisement)

    def _known(self, message: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        for key, value in message.items():
            if key not in keys and value and key not in _DISPENSABLE:
                raise ConfigError(
                    f"im-gauntlet {self.version}, whose server is to be booted, does not know "
                    f"{key!r}, which this scenario needs; leave out what needs it, or install a "
                    "later version"
                )
        return {key: value for key, value in message.items() if key in keys}


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
    return installation(python).version


def installation(python: str) -> Installation:
    """Return what is installed for a Python; ConfigError if it has no server to boot."""
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
    try:
        found = msgspec.json.decode(done.stdout, type=Installation)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{python} must be a Python that can be run: {error}") from error
    if found.missing:
        raise ConfigError(
            f"{python} has im-gauntlet {found.version}, whose server cannot be booted by this "
            f"version: {found.missing}"
        )
    return found
