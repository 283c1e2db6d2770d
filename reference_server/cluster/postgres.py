"""Finds PostgreSQL and starts private servers, one per database, as an unprivileged user."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from reference_server.cluster.errors import StartError
from reference_server.cluster.launch import Binary, Launch, MissingBinaryError
from reference_server.cluster.plan import HOST, Component

USER = "im"
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
        if os.access(folder / "initdb", os.X_OK) and os.access(folder / "postgres", os.X_OK):
            return Binary(str(folder), _version(folder / "postgres"))
    raise MissingBinaryError(INSTALL)


def database(component: Component) -> str:
    """The database's name in a component's server."""
    return component.role.replace("-", "_")


def launch(component: Component, data_dir: Path, log: Path) -> Launch:
    """A server with its database, trust authentication on loopback, no Unix socket."""
    binaries = Path(find().path)
    uid = _unprivileged_uid() if os.geteuid() == 0 else None
    folder, private = _folder(data_dir / component.name, uid)
    settings = {**_SETTINGS, "port": str(component.port)}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return Launch(
        argv=(str(binaries / "postgres"), "-D", str(folder / "data"), *options),
        log=log,
        env={"HOME": str(folder), "LC_ALL": "C"},
        uid=uid,
        # "Fast" shutdown: SIGTERM would wait for every client to leave by itself.
        stop_signal=signal.SIGINT,
        prepare=partial(_initialise, component, binaries, folder, uid, log),
        clean_up=partial(shutil.rmtree, folder, ignore_errors=True) if private else lambda: None,
    )


async def _initialise(
    component: Component, binaries: Path, folder: Path, uid: int | None, log: Path
) -> None:
    data = folder / "data"
    if (folder / "initialised").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    initdb = [
        *(str(binaries / "initdb"), "-D", str(data), "-U", USER, "-A", "trust"),
        *("-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
    ]
    create = f"CREATE DATABASE {database(component)}\n"
    # Durability matters from the first message on, not while there is nothing to lose.
    single = [str(binaries / "postgres"), "--single", "-F", "-D", str(data), "postgres"]
    run = partial(_run, component, folder=folder, uid=uid, log=log)
    await asyncio.to_thread(run, initdb)
    await asyncio.to_thread(run, single, text=create)
    (folder / "initialised").touch()


def _run(
    component: Component,
    argv: list[str],
    *,
    folder: Path,
    uid: int | None,
    log: Path,
    text: str = "",
) -> None:
    with log.open("ab") as output:
        done = subprocess.run(
            argv,
            input=text.encode(),
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder), "LC_ALL": "C"},
            cwd=folder,
            user=uid,
            group=None if uid is None else pwd.getpwuid(uid).pw_gid,
            extra_groups=None if uid is None else [],
            timeout=50,
            check=False,
        )
    if done.returncode:
        reason = f"{Path(argv[0]).name} ended with exit code {done.returncode}"
        raise StartError(component.name, reason, log)


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
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise MissingBinaryError("PostgreSQL refuses root, and there is no user postgres or nobody")


def _major(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _version(postgres: Path) -> str:
    try:
        output = subprocess.run(
            [str(postgres), "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return output.split()[2]
