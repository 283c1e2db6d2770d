"""Identifies processes, also after their parent has died and their process ids were used again."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

# The environment of every process of a run has the id of the run, so that processes are found of
# which the journal does not know.
RUN_ENV = "GAUNTLET_RECOVERY_ID"


class Identity(NamedTuple):
    """A process: its id, and when it started, which tells it from a later one with the same id."""

    pid: int
    started: str


def identify(pid: int) -> Identity | None:
    """Return the identity of a process; None if there is no such process."""
    try:
        return Identity(pid, _started(pid))
    except (OSError, IndexError, psutil.Error):
        return None


def _started(pid: int) -> str:
    boot, stat = Path("/proc/sys/kernel/random/boot_id"), Path(f"/proc/{pid}/stat")
    if not boot.exists():
        return f"{psutil.Process(pid).create_time():.2f}"
    # The clock of the day may be set, so ticks since the boot are compared (proc(5), field 22). The
    # name of the program, the second field, may contain anything.
    ticks = stat.read_text(errors="replace").rpartition(")")[2].split()[19]
    return f"{boot.read_text().strip()} {ticks}"


def living(identities: Iterable[Identity], run_id: str) -> Iterator[psutil.Process]:
    """Yield the processes of a run that still live, children of known ones included."""
    found: dict[int, psutil.Process] = {}
    for identity in identities:
        if identify(identity.pid) == identity:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(identity.pid)
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(RUN_ENV) == run_id:
                found[process.pid] = process
    for process in found.values():
        with contextlib.suppress(psutil.Error):
            if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                yield process
