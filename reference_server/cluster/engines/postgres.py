"""Finds PostgreSQL and starts private servers, one per database, as an unprivileged user."""

import os
import pwd
import shutil
import signal
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from gauntlet.reference_server.cluster.supervision.launch_spec import (
    Binary,
    Launch,
    MissingBinaryError,
    version_of,
)
from gauntlet.reference_server.cluster.supervision.process import Child
from gauntlet.reference_server.cluster.topology.errors import StartError
from gauntlet.reference_server.cluster.topology.plan import HOST, Component

# The superuser, and the database that every server has from birth.
USER, DATABASE = "im", "postgres"
INSTALL = (
    "no PostgreSQL server found; install one (Debian: apt-get install postgresql, macOS: "
    "brew install postgresql)"
)
_DEBIAN = Path("/usr/lib/postgresql")
_UNPRIVILEGED = ("postgres", "nobody")
_OTHERS_MAY_TRAVERSE = 0o001
# fsync stays on: an acked message is a promise that survives a crash.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_checkpoints": "off",
}


def find() -> Binary:
    """The folder that holds initdb and postgres; MissingBinaryError if there is none."""
    on_path = shutil.which("initdb")
    newest_first = sorted(_DEBIAN.glob("*/bin"), key=_major, reverse=True)
    for folder in [*([Path(on_path).parent] if on_path else []), *newest_first]:
        version = version_of(folder / "postgres")
        if version and os.access(folder / "initdb", os.X_OK):
            return Binary(str(folder), version)
    raise MissingBinaryError(INSTALL)


def launch(component: Component, data_dir: Path, log: Path) -> Launch:
    """A server with trust authentication on loopback and no Unix socket."""
    binaries = Path(find().path)
    uid = _unprivileged_uid() if os.geteuid() == 0 else None
    folder, private = _folder(data_dir / component.name, uid)
    data = folder / "data"
    settings = {**_SETTINGS, "port": str(component.port)}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    server = Launch(
        argv=(str(binaries / "postgres"), "-D", str(data), *options),
        log=log,
        env={"HOME": str(folder), "LC_ALL": "C"},
        uid=uid,
        # "Fast" shutdown: SIGTERM would wait for every client to leave by itself.
        stop_signal=signal.SIGINT,
        clean_up=partial(shutil.rmtree, folder, ignore_errors=True) if private else lambda: None,
    )
    prepare = partial(_initialise, component.name, str(binaries / "initdb"), data, server)
    return replace(server, prepare=prepare)


async def _initialise(name: str, initdb: str, data: Path, server: Launch) -> None:
    """Make the data folder once. An attempt that was cut short leaves no mark, and is repeated."""
    done = data.with_name("initialised")
    if done.exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    options = ("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
    child = await Child.spawn((initdb, "-D", str(data), "-U", USER, *options), server)
    try:
        status = await child.wait()
    finally:
        await child.kill()
    if status:
        raise StartError(name, f"initdb ended with exit code {status}", server.log)
    done.touch()


def _folder(wanted: Path, uid: int | None) -> tuple[Path, bool]:
    """A folder that `uid` owns and reaches, and whether it lies outside the data folder."""
    wanted.mkdir(parents=True, exist_ok=True)
    folder, private = wanted.resolve(), False
    if uid is not None:
        if not all(parent.stat().st_mode & _OTHERS_MAY_TRAVERSE for parent in folder.parents):
            folder, private = Path(tempfile.mkdtemp(prefix=f"{wanted.name}-")), True
        os.chown(folder, uid, pwd.getpwuid(uid).pw_gid)
    return folder, private


def _unprivileged_uid() -> int:
    for user in pwd.getpwall():
        if user.pw_name in _UNPRIVILEGED:
            return user.pw_uid
    raise MissingBinaryError("PostgreSQL refuses root, and there is no user postgres or nobody")


def _major(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0
