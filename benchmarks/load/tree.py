"""Where processes run, and what a whole tree of them uses."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from gauntlet.core.clock import NS_PER_S

SERVER_CPU, GENERATOR_CPU = 0, 1


@contextlib.contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Children that are started meanwhile stay on one CPU, as do theirs; where that can be had."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[cpu]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def can_pin() -> bool:
    """Whether the server and the generator can have a CPU each."""
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > GENERATOR_CPU


class Tree:
    """A process and all that descend from it, at any moment."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu_s(self) -> float:
        """Seconds of CPU, user and system, that those who live have used so far."""
        return sum(_cpu_s(process) for process in self._living())

    def rss_bytes(self) -> int:
        """Resident memory."""
        return sum(process.memory_info().rss for process in self._living())

    def _living(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    """From the scheduler in nanoseconds; elsewhere than on Linux in ticks of 10 ms."""
    spent_ns = 0
    try:
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            spent_ns += int((task / "schedstat").read_text().split()[0])
    except (OSError, IndexError):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            return float(times.user + times.system)
    return spent_ns / NS_PER_S
