"""What a run has left on this machine: processes, files, mounts, shared memory, packet filters."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_SETTLE_S = 5.0
_POLL_S = 0.2
_TABLES = ("list", "tables")


class Traces:
    """Looks for traces of one run, whose folders and environment no other run has.

    `temporary` is its folder for temporary files, `state` that of its recovery journal, and `flag`
    the file that its fault `command` creates.
    """

    def __init__(self, temporary: Path, state: Path, flag: Path) -> None:
        self._temporary, self._state, self._flag = temporary, state, flag
        self._tables = _packet_filters()
        self._shared, self._segments = _shared_memory(), _unattached()
        self._groups: set[Path] = set()

    def counts(self) -> dict[str, int]:
        """Return what is there; reads the control groups of the journal for `left`."""
        self._groups |= set(_control_groups(self._state))
        processes = list(self.processes())
        return {
            "processes": len(processes),
            "stopped": sum(_is_stopped(process) for process in processes),
            "folders": len(_content(self._temporary)),
            "journals": len(_content(self._state)),
            "mounts": len(self._mounts()),
            "command": int(self._flag.exists()),
        }

    def left(self) -> tuple[str, ...]:
        """Return what is left, also after a moment in which the kernel may remove the rest."""
        deadline = time.monotonic() + _SETTLE_S
        while found := tuple(self._left()):
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        return found

    def processes(self) -> Iterator[psutil.Process]:
        """Yield the processes of the run; some servers overwrite their environment."""
        marks = (str(self._state), str(self._temporary))
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                own = (*process.environ().values(), process.cwd(), *process.cmdline())
                if any(mark in text for mark in marks for text in own):
                    yield process

    def end(self) -> None:
        """Kill what is left, so that it does not disturb what follows."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _left(self) -> Iterator[str]:
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                state = "a stopped process" if _is_stopped(process) else "a process"
                yield f"{state}: {' '.join(process.cmdline())[:100]}"
        for folder in (self._temporary, self._state):
            yield from (f"a file: {path.name}" for path in _content(folder))
        yield from (f"a mount: {mount}" for mount in self._mounts())
        yield from (f"a control group: {path}" for path in self._groups if path.exists())
        yield from (f"a packet filter: {name}" for name in _packet_filters() - self._tables)
        yield from (f"shared memory: {name}" for name in _unused(_shared_memory() - self._shared))
        yield from (f"a System V segment: {each}" for each in _unattached() - self._segments)
        if self._flag.exists():
            yield "the effect of the fault `command`"

    def _mounts(self) -> list[str]:
        mounts = Path("/proc/self/mounts")
        lines = mounts.read_text().splitlines() if mounts.exists() else []
        return [line for line in lines if str(self._temporary) in line]


def _is_stopped(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def _content(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def _control_groups(state: Path) -> Iterator[Path]:
    """Yield the control groups that a recovery journal names."""
    for file in state.glob("*.jsonl"):
        for line in file.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if row.get("kind") == "control-group":
                    yield Path(row["path"])


def _packet_filters() -> set[str]:
    program = shutil.which("nft")
    if program is None:
        return set()
    done = subprocess.run([program, *_TABLES], capture_output=True, text=True, check=False)
    return set(done.stdout.splitlines())


def _shared_memory() -> set[str]:
    folder = Path("/dev/shm")  # noqa: S108 - it is read only
    return {str(path) for path in _content(folder)}


def _unattached(table: Path = Path("/proc/sysvipc/shm")) -> set[str]:
    """Return the ids of the System V segments that no process has attached."""
    if not table.exists():
        return set()
    header, *rows = (line.split() for line in table.read_text().splitlines())
    number, attached = header.index("shmid"), header.index("nattch")
    return {row[number] for row in rows if row[attached] == "0"}


def _unused(files: set[str]) -> set[str]:
    """Return the files that no process has mapped: those of running servers are no traces."""
    for process in psutil.process_iter() if files else ():
        with contextlib.suppress(psutil.Error, OSError):
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            files = {file for file in files if file not in maps}
    return files
