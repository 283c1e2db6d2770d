"""The generator's own health, told once a second beside what it measures (`live.jsonl`).

A late or exhausted generator measures itself. What it says here, `harness_health` judges.
"""

import gc
import math
import os
import resource
import sys
import time
from typing import Any

import psutil

from gauntlet.core.clock import NS_PER_MS
from gauntlet.scenarios.distributed import worker_identity

_DESCRIPTORS = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
_STATM = "/proc/self/statm"


class GeneratorHealth:
    """One worker's. Made and used on the engine's thread, whose CPU time it tells.

    A share of CPU is of one core. Python runs one thread at a time: an engine near 1.0, or its
    process near 1.0, can do no more.
    """

    def __init__(self) -> None:
        self._late_ns: list[int] = []
        self._wall_ns = time.monotonic_ns()
        self._thread_ns = time.thread_time_ns()
        self._process_ns = time.process_time_ns()
        self._gc_since_ns = 0
        self._gc_ns: list[int] = []
        self._boot = worker_identity.boot_id()
        psutil.cpu_percent()  # the first call only begins to count
        gc.callbacks.append(self._on_gc)

    def record_delay(self, late_ns: int) -> None:
        """The loop's own tick came `late_ns` after its time."""
        self._late_ns.append(late_ns)

    def take(self) -> dict[str, Any]:
        """What there was since the last call, as columns of a row."""
        wall_ns, thread_ns = time.monotonic_ns(), time.thread_time_ns()
        process_ns = time.process_time_ns()
        length_ns = max(wall_ns - self._wall_ns, 1)
        late_ns, self._late_ns = sorted(self._late_ns), []
        gc_ns, self._gc_ns = self._gc_ns, []
        row = {
            "loop_lag_p99_ms": _ms(late_ns[math.ceil(0.99 * len(late_ns)) - 1])
            if late_ns
            else None,
            "loop_lag_max_ms": _ms(late_ns[-1]) if late_ns else None,
            "engine_cpu_share": round((thread_ns - self._thread_ns) / length_ns, 3),
            "process_cpu_share": round((process_ns - self._process_ns) / length_ns, 3),
            "gc_pause_max_ms": _ms(max(gc_ns, default=0)),
            "rss_bytes": rss_bytes(),
            "descriptors": descriptors(),
            "descriptors_max": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "machine_cpu_share": round(psutil.cpu_percent() / 100, 3),
            "boot": self._boot,  # of which machine: a worker may have one of its own
        }
        self._wall_ns, self._thread_ns, self._process_ns = wall_ns, thread_ns, process_ns
        return row

    def close(self) -> None:
        """Stop listening to the garbage collector."""
        gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, info: dict[str, int]) -> None:
        del info
        if phase == "start":
            self._gc_since_ns = time.monotonic_ns()
        else:
            self._gc_ns.append(time.monotonic_ns() - self._gc_since_ns)


def descriptors() -> int:
    """How many descriptors this process has open."""
    # Since Linux 6.2 the folder's size is their number; listing ten thousand of them takes
    # milliseconds, in which the engine would stand still.
    return os.stat(_DESCRIPTORS).st_size or len(os.listdir(_DESCRIPTORS))  # noqa: PTH116, PTH208 - once a second, in the engine's thread


def rss_bytes() -> int:
    """Resident memory of this process; the most that it ever was, where the present is not told."""
    try:
        with open(_STATM, "rb") as statm:  # noqa: PTH123 - once a second, in the engine's thread
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, on macOS


def _ms(duration_ns: int) -> float:
    return round(duration_ns / NS_PER_MS, 3)
