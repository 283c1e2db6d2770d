"""Finds PostgreSQL and starts private servers, one per database, as an unprivileged user."""

import os
import pwd
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from gauntlet import postgres_memory
from gauntlet.reference_server.cluster.engines import postgres_password
from gauntlet.reference_server.cluster.engines.pair import Pair
from gauntlet.reference_server.cluster.engines.postgres_standby import Node
from gauntlet.reference_server.cluster.engines.private_files import write_private
from gauntlet.reference_server.cluster.supervision.launch_spec import (
    Binary,
    LaunchSpec,
    MissingBinaryError,
    version_of,
)
from gauntlet.reference_server.cluster.supervision.process import ChildProcess
from gauntlet.reference_server.cluster.topology.errors import StartError
from gauntlet.reference_server.cluster.topology.plan import HOST, PlannedComponent

# The superuser, and the database that every new server contains.
USER, DATABASE = "im", "postgres"
INSTALL = (
    "no PostgreSQL server found; install one (Debian: apt-get install postgresql, macOS: "
    "brew install postgresql)"
)
INSTALL_DRIVER = (
    "PostgreSQL needs the Python package asyncpg; install it with: pip install "
    "'im-gauntlet[postgres]'"
)
_DEBIAN = Path("/usr/lib/postgresql")
_UNPRIVILEGED = ("postgres", "nobody")
_OTHERS_MAY_TRAVERSE = 0o001
SYNCFS_SINCE = 14  # the version that brought `recovery_init_sync_method`
# fsync stays on: an acknowledged message must survive a crash.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_checkpoints": "off",
}


def find() -> Binary:
    """Return the folder of initdb and postgres.

    MissingBinaryError if there is none, if root has no unprivileged user to run it as, or if the
    Python driver is missing, which is an extra of the distribution.
    """
    if find_spec("asyncpg") is None:
        raise MissingBinaryError(INSTALL_DRIVER)
    on_path = shutil.which("initdb")
    newest_first = sorted(_DEBIAN.glob("*/bin"), key=_major, reverse=True)
    for folder in [*([Path(on_path).parent] if on_path else []), *newest_first]:
        version = version_of(folder / "postgres")
        if version and os.access(folder / "initdb", os.X_OK):
            if os.geteuid() == 0:
                # Fails here, where a missing user is reported like a missing program.
                _unprivileged_uid()
            return Binary(str(folder), version)
    raise MissingBinaryError(INSTALL)


def launch_spec(
    component: PlannedComponent,
    data_dir: Path,
    log: Path,
    password: str,
    pair: Pair | None = None,
) -> LaunchSpec:
    """Return a server on loopback that requires a password, and has no Unix socket.

    With a pair it is the primary or the standby of it.
    """
    program = find()
    binaries = Path(program.path)
    uid = _unprivileged_uid() if os.geteuid() == 0 else None
    folder, is_temporary = _folder(data_dir / component.name, uid)
    data = folder / "data"
    settings = {**_SETTINGS, **_recovery(program.version, folder), "port": str(component.port)}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    server = LaunchSpec(
        argv=(str(binaries / "postgres"), "-D", str(data), *options),
        log=log,
        env={"HOME": str(folder), "LC_ALL": "C"},
        uid=uid,
        # "Fast" shutdown: on SIGTERM the server would wait until every client disconnects.
        stop_signal=signal.SIGINT,
        clean_up=partial(_clean_up, data, is_temporary=is_temporary),
    )
    prepare = partial(_initialise, component.name, str(binaries / "initdb"), data, server, password)
    server = replace(server, prepare=prepare)
    if pair is None:
        return server
    return Node(component.name, binaries, data, server, USER, password, pair).launch_spec()


async def _initialise(
    name: str, initdb: str, data: Path, server: LaunchSpec, password: str
) -> None:
    """Create the data folder once; an attempt that was interrupted is repeated."""
    marker = data.with_name("initialised")
    if marker.exists():
        await postgres_password.require(name, data, server, USER, password)
        return
    postgres_memory.remove(data, 0.0)
    shutil.rmtree(data, ignore_errors=True)
    password_file = data.with_name("password")
    write_private(password_file, postgres_password.scram_secret(password), server.uid)
    access = ("-A", postgres_password.METHOD, f"--pwfile={password_file}")
    options = (*access, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
    child = await ChildProcess.spawn((initdb, "-D", str(data), "-U", USER, *options), server)
    try:
        status = await child.wait()
    finally:
        await child.kill()
        password_file.unlink()
    if status:
        raise StartError(name, f"initdb ended with exit code {status}", server.log)
    marker.touch()


def _clean_up(data: Path, *, is_temporary: bool) -> None:
    """Remove what no later server in the same folder needs: it creates its own shared memory."""
    postgres_memory.remove(data)
    if is_temporary:
        shutil.rmtree(data.parent, ignore_errors=True)


def _folder(preferred: Path, uid: int | None) -> tuple[Path, bool]:
    """Return a folder that `uid` owns and can reach, and whether it is a temporary one.

    StartError if it cannot reach a disk: elsewhere, faults of the disk would act on nothing.
    """
    preferred.mkdir(parents=True, exist_ok=True)
    folder, is_temporary = preferred.resolve(), False
    if uid is not None:
        if not all(parent.stat().st_mode & _OTHERS_MAY_TRAVERSE for parent in folder.parents):
            if preferred.is_mount():
                reason = f"its account cannot reach its disk {folder} through all parent folders"
                raise StartError(preferred.name, reason)
            # Beside the folder of the cluster, whose name leads to it if the cluster is killed.
            prefix = f"{preferred.parent.name}-{preferred.name}-"
            folder, is_temporary = Path(tempfile.mkdtemp(prefix=prefix)), True
        os.chown(folder, uid, pwd.getpwuid(uid).pw_gid)
    return folder, is_temporary


def _unprivileged_uid() -> int:
    for user in pwd.getpwall():
        if user.pw_name in _UNPRIVILEGED:
            return user.pw_uid
    raise MissingBinaryError(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as;"
        " create one, or run as another user"
    )


def _recovery(version: str, folder: Path) -> dict[str, str]:
    """Return how a server syncs its files after a crash: at once, where it can, not one by one.

    A folder on which a file system in user space is mounted does not learn of syncs at once.
    """
    major = int(version.partition(".")[0])
    has_syncfs = sys.platform == "linux" and not os.path.ismount(folder)
    can_sync_at_once = major >= SYNCFS_SINCE and has_syncfs
    return {"recovery_init_sync_method": "syncfs"} if can_sync_at_once else {}


def _major(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0
