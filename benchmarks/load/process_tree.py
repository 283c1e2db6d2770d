"""Pinning processes to CPUs, and the resource use of a process tree."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from gauntlet.core.clock import NS_PER_S

SERVER_CPU, GENERATOR_CPU = 0, 1


@contextlib.contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """Pin children started in this context, and their descendants, to one CPU if possible."""
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
    """Return whether the server and the generator can have one CPU each."""
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > GENERATOR_CPU


class ProcessTree:
    """A process and all its current descendants."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu_s(self) -> float:
        """Return the CPU time (user and system) of the living processes, in seconds."""
        return sum(_cpu_s(process) for process in self._living())

    def rss_bytes(self) -> int:
        """Return the resident memory in bytes."""
        return sum(process.memory_info().rss for process in self._living())

    def _living(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    """Return the CPU time, to the nanosecond on Linux and to ticks of 10 ms elsewhere."""
    spent_ns = 0
    try:
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            spent_ns += int((task / "schedstat").read_text().split()[0])
    except (OSError, IndexError):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            return float(times.user + times.system)
    return spent_ns / NS_PER_S
