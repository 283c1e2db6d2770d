"""Samples what each component of a booted stack uses: CPU, memory, bytes read and written.

The processes of the components are asked for in a thread of its own, because an answer may take
long while a component starts, and the samples of everything else must not wait for it.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.core.errors import StackError
from gauntlet.runner.vitals.databases import database_bytes

_POLL_S = 1.0

Components = Callable[[], Mapping[str, Component]]


class Usage(NamedTuple):
    """What a component has used since its start; `io_bytes` is None where no system reports it."""

    cpu_s: dict[tuple[int, float], float]  # by pid and start time, because pids are reused
    rss_bytes: int
    io_bytes: dict[tuple[int, float], int] | None


class ComponentSampler:
    """Samples the components between `start` and `stop`.

    `components` asks for them; `data` is the folder of their databases, if it is known.
    """

    def __init__(self, components: Components, data: Path | None) -> None:
        self._components = components
        self._data = data
        self._known: Mapping[str, Component] = {}
        self._sizes: dict[str, int] = {}
        self._before: dict[str, Usage] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="components", daemon=True)

    def start(self) -> None:
        """Start to ask for the processes."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; an answer that is still awaited is not waited for."""
        self._stop.set()

    def sample(
        self, children: Mapping[int, list[int]], elapsed_s: float
    ) -> dict[str, dict[str, Any]]:
        """Return what the components used since the last call, as fields of a row.

        `children` are the processes of the machine by their parent. A component of which only one
        sample is known has no CPU use yet.
        """
        pids = {name: each.pid for name, each in self._known.items() if each.pid}
        now = usages(pids, children)
        before, self._before = self._before, now
        cores, io = {}, {}
        for name, usage in now.items():
            if (earlier := before.get(name)) is None:
                continue
            cores[name] = round(_spent(earlier.cpu_s, usage.cpu_s) / max(elapsed_s, 0.001), 4)
            if usage.io_bytes is not None and earlier.io_bytes is not None:
                io[name] = round(_spent(earlier.io_bytes, usage.io_bytes) / max(elapsed_s, 0.001))
        return {
            "component_cores": cores,
            "component_rss_bytes": {name: usage.rss_bytes for name, usage in now.items()},
            "component_io_bytes_per_s": io,
            "database_bytes": dict(self._sizes),
        }

    def _poll(self) -> None:
        while not self._stop.is_set():
            # An error must not end the samples for good.
            with contextlib.suppress(StackError, OSError):
                self._known = self._components()
            with contextlib.suppress(OSError):
                if self._data is not None:
                    self._sizes = database_bytes(self._data)
            self._stop.wait(_POLL_S)


def usages(pids: Mapping[str, int], children: Mapping[int, list[int]]) -> dict[str, Usage]:
    """Return what each component has used, its descendants included; one that ended is left out.

    A process that descends from two components belongs to the nearer one.
    """
    first = set(pids.values())
    found = {name: _usage(_own_processes(pid, children, first)) for name, pid in pids.items()}
    return {name: usage for name, usage in found.items() if usage.cpu_s}


def _own_processes(root: int, children: Mapping[int, list[int]], first: set[int]) -> list[int]:
    own, unvisited = [root], [root]
    while unvisited:
        below = [pid for pid in children.get(unvisited.pop(), ()) if pid not in first]
        own += below
        unvisited += below
    return own


def _usage(pids: list[int]) -> Usage:
    cpu_s: dict[tuple[int, float], float] = {}
    io_bytes: dict[tuple[int, float], int] | None = {}
    rss_bytes = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            with process.oneshot():
                key, times = (pid, process.create_time()), process.cpu_times()
                rss_bytes += process.memory_info().rss
                transferred = _io_bytes(process)
            cpu_s[key] = times.user + times.system
            if transferred is None:
                io_bytes = None
            elif io_bytes is not None:
                io_bytes[key] = transferred
    return Usage(cpu_s, rss_bytes, io_bytes)


def _io_bytes(process: psutil.Process) -> int | None:
    """Return the bytes that a process read and wrote, sockets included; only Linux reports them."""
    try:
        counters = process.io_counters()
    except (AttributeError, psutil.Error):
        return None
    read, written = (getattr(counters, name, None) for name in ("read_chars", "write_chars"))
    return None if read is None or written is None else int(read) + int(written)


def _spent(before: Mapping[Any, float], after: Mapping[Any, float]) -> float:
    """Return what was used between two samples; a process that started counts from its start."""
    return max(0.0, sum(used - before.get(key, 0) for key, used in after.items()))
