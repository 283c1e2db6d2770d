"""Samples once a second what each part of a run uses of the machine (`events/vitals.jsonl`).

The harness must not be the bottleneck it measures: the report says so where the load, a fault proxy
or the whole machine is at its limit. Only processes that this run started are attributed.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from gauntlet.core.run_directory import Journal
from gauntlet.runner.vitals.components import ComponentSampler
from gauntlet.scenarios.distributed import worker_identity

SAMPLE_S = 1.0
_SOCKSTAT = Path("/proc/net/sockstat")
_IO_PRESSURE = Path("/proc/pressure/io")

FirstProcesses = Callable[[], Mapping[str, int]]  # the first process of each part, by its name


class ResourceUsage(NamedTuple):
    """What one part of the run uses: CPU seconds of each process, and memory."""

    cpu_s: dict[tuple[int, float], float]  # by pid and start time, because pids are reused
    rss_bytes: int


class ResourceMonitor:
    """Samples in its own thread, from `start` to `stop`."""

    def __init__(
        self,
        journal: Journal,
        first_processes: FirstProcesses,
        components: ComponentSampler | None = None,
    ) -> None:
        self._journal = journal
        self._first_processes = first_processes
        self._components = components
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)

    def start(self) -> None:
        """Start sampling."""
        if self._components is not None:
            self._components.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current sample, and close the journal."""
        self._stop.set()
        if self._components is not None:
            self._components.stop()
        self._thread.join()
        self._journal.close()

    def _run(self) -> None:
        psutil.cpu_percent()  # the first call only starts the measurement
        stalls, at_s = StallMonitor(), time.monotonic()
        before = _sample(self._first_processes(), _children_by_parent())
        while not self._stop.wait(SAMPLE_S):
            now_s, children = time.monotonic(), _children_by_parent()
            after = _sample(self._first_processes(), children)
            cores = {
                part: round(cores_used(before[part], usage, now_s - at_s), 3)
                for part, usage in after.items()
                if part in before
            }
            machine: dict[str, Any] = {**stalls.since_last(), **sockets()}
            if self._components is not None:
                machine |= self._components.sample(children, now_s - at_s)
            self._journal.write(
                "vitals",
                machine_cpu_share=round(psutil.cpu_percent() / 100, 3),
                cpus=psutil.cpu_count() or 1,
                boot=worker_identity.boot_id(),
                cores=cores,
                rss_bytes={part: usage.rss_bytes for part, usage in after.items()},
                **machine,
            )
            at_s, before = now_s, after


class StallMonitor:
    """How much of the time the machine waited for storage, or lost CPU time to its hypervisor.

    CPU use shows neither, and a commit that waits a second for an fsync looks like a slow server.
    Linux reports both; on other systems the figures are left out.
    """

    def __init__(self, io_pressure: Path = _IO_PRESSURE) -> None:
        self._io_pressure = io_pressure
        self._at_s, self._stalled_s = time.monotonic(), self._read_stalled_s()
        psutil.cpu_times_percent()  # the first call only starts the measurement

    def since_last(self) -> dict[str, float]:
        """The shares (0 to 1) of the time since the last call.

        `storage_wait_share`: time in which at least one process waited for storage.
        `stolen_cpu_share`: CPU time that a hypervisor gave to other guests.
        """
        at_s, stalled_s = time.monotonic(), self._read_stalled_s()
        shares = {}
        if stalled_s is not None and self._stalled_s is not None:
            shares["storage_wait_share"] = (stalled_s - self._stalled_s) / (at_s - self._at_s)
        stolen = getattr(psutil.cpu_times_percent(), "steal", None)
        if stolen is not None:
            shares["stolen_cpu_share"] = stolen / 100
        self._at_s, self._stalled_s = at_s, stalled_s
        return {name: round(min(share, 1.0), 3) for name, share in shares.items()}

    def _read_stalled_s(self) -> float | None:
        """The kernel's running total (see Documentation/accounting/psi.rst), if it keeps one."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            some = self._io_pressure.read_text().splitlines()[0]
            return int(some.rpartition("total=")[2]) / 1_000_000
        return None


def cores_used(before: ResourceUsage, after: ResourceUsage, elapsed_s: float) -> float:
    """The average number of cores used between two samples.

    A process that ended in between is not counted, because its total is gone; one that started is
    counted from its start.
    """
    spent_s = sum(cpu_s - before.cpu_s.get(key, 0.0) for key, cpu_s in after.cpu_s.items())
    return max(spent_s, 0.0) / max(elapsed_s, 0.001)


def sockets(source: Path = _SOCKSTAT) -> dict[str, int]:
    """The machine's TCP sockets in use and in TIME_WAIT; empty on systems that do not report it."""
    if sys.platform != "linux" or not source.exists():
        return {}
    line = next((line for line in source.read_text().splitlines() if line[:4] == "TCP:"), "TCP:")
    words = line.split()[1:]
    counts = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    return {"tcp_in_use": counts.get("inuse", 0), "tcp_time_wait": counts.get("tw", 0)}


def _sample(
    first_processes: Mapping[str, int], children: Mapping[int, list[int]]
) -> dict[str, ResourceUsage]:
    """The usage of each part: its first process, and `<part>-children` for all its descendants.

    Other descendants of this process, which is `conductor` in the journal, are the stack.
    """
    own_pid = psutil.Process().pid
    separate = {own_pid, *first_processes.values()}
    samples = {
        "conductor": _usage([own_pid]),
        "stack": _usage(_descendants(own_pid, children, separate)),
    }
    for part, first in first_processes.items():
        samples[part] = _usage([first])
        if descendants := _descendants(first, children, separate):
            samples[f"{part}-children"] = _usage(descendants)
    return samples


def _children_by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process.pid)
    return children


def _descendants(root: int, children: Mapping[int, list[int]], separate: set[int]) -> list[int]:
    """All descendants of `root`, except `separate` processes and what descends from those."""
    descendants, unvisited = [], [root]
    while unvisited:
        pids = [pid for pid in children.get(unvisited.pop(), ()) if pid not in separate]
        descendants += pids
        unvisited += pids
    return descendants


def _usage(pids: list[int]) -> ResourceUsage:
    cpu_s, rss_bytes = {}, 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                cpu_s[pid, process.create_time()] = times.user + times.system
                rss_bytes += process.memory_info().rss
    return ResourceUsage(cpu_s, rss_bytes)
