"""The recovery journal: what a run or a server leaves on this machine, or on its target, if killed.

A row is on disk before that which it names exists. The process that writes a journal holds a lock
on it, which the operating system releases when the process dies: a journal that can be locked has
no owner any more.
"""

import contextlib
import fcntl
import json
import math
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gauntlet.core.errors import ConfigError
from gauntlet.runner.recovery.identity import RUN_ENV, Identity, identify

VERSION = 1
FOLDER_ENV = "GAUNTLET_STATE_DIR"


@dataclass
class Leftovers:
    """What a journal names: what has to be undone is what was begun and not ended.

    `commands` are the open faults `command`, with their rows, and `faults` the ids of all open
    ones. `damaged` is the number of lines that cannot be read; an incomplete last line is none of
    them, because what it would have named was never begun. `version` is not `VERSION` in a journal
    of another version of Gauntlet, of which nothing else is known. `host` is the name of another
    host, which shares the folder of the journals: only that host can say whether the run lives.
    """

    run: str
    version: int = VERSION
    host: str | None = None
    processes: list[Identity] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    toxiproxies: list[tuple[str, str]] = field(default_factory=list)
    control_groups: list[Path] = field(default_factory=list)
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    damaged: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Take in one row; KeyError, TypeError or ValueError if it is damaged."""
        kind = row["kind"]
        if kind == "process":
            self.processes.append(Identity(int(row["pid"]), str(row["started"])))
        elif kind == "folder":
            self.folders.append(Path(row["path"]))
        elif kind == "toxiproxy":
            self.toxiproxies.append((str(row["api"]), str(row["prefix"])))
        elif kind == "control-group":
            self.control_groups.append(Path(row["path"]))
        elif kind == "fault":
            self._add_fault(str(row["id"]), row)
        elif kind != "owner":
            raise ValueError(f"the kind {kind!r} is unknown")

    def _add_fault(self, name: str, row: dict[str, Any]) -> None:
        if row["step"] == "requested":
            if row.get("heal"):
                _check_command(row)
            self.faults.append(name)
            if row.get("heal"):
                self.commands[name] = row
        else:
            self.commands.pop(name, None)
            if name in self.faults:
                self.faults.remove(name)


def _check_command(row: dict[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError if the commands of a row cannot be run."""
    for argv in (row["heal"], row.get("verify") or []):
        if not isinstance(argv, list | tuple) or not all(isinstance(each, str) for each in argv):
            raise TypeError("a command must be a list of strings")
    if not 0 < float(row["timeout_s"]) < math.inf:  # JSON may also contain NaN
        raise ValueError("a time limit must be above zero")
    for key in ("path", "folder"):
        if not isinstance(row.get(key, ""), str):
            raise TypeError(f"{key} must be a path")
    str(row["path"])


class RecoveryJournal:
    """The journal of the run, or of the server, of this process; safe to use from several threads.

    `directory` is where the run or the server keeps what its user wants to have.
    """

    def __init__(self, run_id: str, directory: Path) -> None:
        """Create and lock it; ConfigError if no folder for it can be written to."""
        self.run_id = run_id
        self.leftovers = Leftovers(run_id)
        self._lock = threading.Lock()
        folder = _writable_folder()
        self.path = folder / f"{run_id}.jsonl"
        # It gets its name only when it is locked: until then it would seem to have no owner.
        nameless = folder / f"{run_id}.new"
        self._file = nameless.open("x", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError as error:
            self._file.close()
            nameless.unlink()
            raise _not_lockable(nameless, error) from error
        self._write(
            {
                "kind": "owner",
                "version": VERSION,
                "host": host_name(),
                "run": run_id,
                "path": str(directory),
            }
        )
        nameless.rename(self.path)
        _sync(folder)

    def note_process(self, pid: int | None) -> None:
        """Note a process of this run, if it still exists.

        A full disk or a journal that is closed must not end the run for that: the environment of
        most processes identifies them too.
        """
        if pid and (found := identify(pid)) is not None:
            with contextlib.suppress(OSError, ValueError):
                self._write({"kind": "process", "pid": found.pid, "started": found.started})

    def create_temporary_folder(self) -> Path:
        """Create a temporary folder whose name is on disk before."""
        path = Path(tempfile.gettempdir()).resolve() / f"gauntlet-{os.urandom(8).hex()}"
        self._write({"kind": "folder", "path": str(path)})
        path.mkdir(mode=0o700)
        return path

    def note_toxiproxy(self, api: str, prefix: str) -> None:
        """Note a Toxiproxy of others, in which our toxics have names with a prefix."""
        self._write({"kind": "toxiproxy", "api": api, "prefix": prefix})

    def note_control_group(self, path: str) -> None:
        """Note a control group before it is created."""
        self._write({"kind": "control-group", "path": path})

    def note_fault_requested(self, name: str, command: dict[str, Any]) -> None:
        """Note a fault before it is injected; `command` says how to heal it from outside."""
        self._write({"kind": "fault", "id": name, "step": "requested", **command})

    def note_fault_healed(self, name: str) -> None:
        """Note that a fault is healed."""
        self._write({"kind": "fault", "id": name, "step": "healed"})

    def close(self) -> None:
        """Remove the journal, unless something that it names is still to be undone."""
        with self._lock:
            created = (*self.leftovers.folders, *self.leftovers.control_groups)
            exists = any(map(os.path.exists, created))
            if not (self.leftovers.faults or exists or self._has_folders_beside()):
                self.path.unlink(missing_ok=True)
            self._file.close()

    def _has_folders_beside(self) -> bool:
        """Whether disks are left, which are mounted beside the temporary folders."""
        folders = self.leftovers.folders
        return any(any(each.parent.glob(f"{each.name}-*")) for each in folders)

    def _write(self, row: dict[str, Any]) -> None:
        with self._lock:
            self._file.write(json.dumps(row, separators=(",", ":")) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self.leftovers.add(row)


@contextmanager
def opened(run_id: str, directory: Path) -> Iterator[RecoveryJournal]:
    """Open a journal, which is removed at the end, and mark the processes that are started."""
    journal = RecoveryJournal(run_id, directory)
    os.environ[RUN_ENV] = run_id
    try:
        yield journal
    finally:
        os.environ.pop(RUN_ENV, None)
        journal.close()


@dataclass
class OrphanedJournal:
    """The journal of a dead process. It is locked, so that nothing else recovers from it."""

    path: Path
    leftovers: Leftovers


@contextmanager
def lock_orphaned(path: Path) -> Iterator[OrphanedJournal | None]:
    """Lock and read a journal; None if its owner lives, or another process recovers from it."""
    try:
        file = path.open("r+b")  # NFS locks only what can be written to
    except FileNotFoundError:  # recovered from meanwhile
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        except OSError as error:
            raise _not_lockable(path, error) from error
        # It may have been removed between the two calls.
        removed = os.fstat(file.fileno()).st_nlink == 0
        yield None if removed else OrphanedJournal(path, _read(file, path.stem))


def host_name() -> str:
    """Return the name that tells this host from others with the same home folder."""
    return socket.gethostname()


def paths() -> list[Path]:
    """Return the journals of this user, those of running runs included."""
    found = (folder.glob("*.jsonl") for folder in _folders() if _is_ours(folder))
    return sorted(path for each in found for path in each)


def log_of(run_id: str, fault: str) -> Path:
    """Return the file for the output of commands that heal a fault of a dead run."""
    return _writable_folder() / f"{run_id}-{fault}.log"


def _read(file: IO[bytes], run_id: str) -> Leftovers:
    found = Leftovers(run_id)
    for number, line in enumerate(file):
        if not line.endswith(b"\n"):
            continue
        try:
            row = json.loads(line)
            if number == 0 and row["version"] != VERSION:
                return Leftovers(run_id, version=int(row["version"]))
            if number == 0 and row.get("host", host_name()) != host_name():
                return Leftovers(run_id, host=str(row["host"]))
            found.add(row)
        except (KeyError, TypeError, ValueError):
            found.damaged += 1
    return found


def _folders() -> list[Path]:
    """Return the folders that may hold journals; the first one that can be written to is used."""
    if chosen := os.environ.get(FOLDER_ENV):
        return [Path(chosen)]
    home = os.path.expanduser("~")  # noqa: PTH111  # `Path.expanduser` fails for users without one
    state = os.environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    fallback = Path(tempfile.gettempdir()) / f"gauntlet-state-{os.geteuid()}"
    return [fallback] if state[0] == "~" else [Path(state) / "gauntlet" / "recovery", fallback]


def _writable_folder() -> Path:
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if _is_ours(folder) and os.access(folder, os.W_OK):
            return folder
    raise ConfigError(
        f"{FOLDER_ENV} must be a folder of this user that can be written to; tried: "
        f"{', '.join(map(str, _folders()))}"
    )


def _not_lockable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path} cannot be locked ({error}); set {FOLDER_ENV} to a folder on a local file system"
    )


def _is_ours(folder: Path) -> bool:
    """Whether only this user can have written what a folder holds: it says what to kill."""
    try:
        found = folder.stat(follow_symlinks=False)
    except OSError:
        return False
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
