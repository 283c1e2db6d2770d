"""The load generator's own health, written every second beside what it measures (`live.jsonl`).

A generator that is late or exhausted measures itself instead of the system. The rows are judged by
`gauntlet.reports.metrics.harness_health`.
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
    """The health of one worker. Create and use it on the engine's thread, whose CPU it measures.

    A CPU share refers to one core. Python runs one thread at a time: an engine near 1.0, or its
    process near 1.0, is saturated.
    """

    def __init__(self) -> None:
        self._delays_ns: list[int] = []
        self._wall_ns = time.monotonic_ns()
        self._thread_ns = time.thread_time_ns()
        self._process_ns = time.process_time_ns()
        self._gc_start_ns = 0
        self._gc_pauses_ns: list[int] = []
        self._boot_id = worker_identity.boot_id()
        psutil.cpu_percent()  # the first call only sets the start of the interval
        gc.callbacks.append(self._on_gc)

    def record_delay(self, delay_ns: int) -> None:
        """A tick of the event loop came `delay_ns` after its time."""
        self._delays_ns.append(delay_ns)

    def take_columns(self) -> dict[str, Any]:
        """Return the columns of a live row for the time since the last call."""
        wall_ns, thread_ns = time.monotonic_ns(), time.thread_time_ns()
        process_ns = time.process_time_ns()
        length_ns = max(wall_ns - self._wall_ns, 1)
        delays_ns, self._delays_ns = sorted(self._delays_ns), []
        gc_pauses_ns, self._gc_pauses_ns = self._gc_pauses_ns, []
        columns = {
            "loop_lag_p99_ms": _ms(delays_ns[math.ceil(0.99 * len(delays_ns)) - 1])
            if delays_ns
            else None,
            "loop_lag_max_ms": _ms(delays_ns[-1]) if delays_ns else None,
            "engine_cpu_share": round((thread_ns - self._thread_ns) / length_ns, 3),
            "process_cpu_share": round((process_ns - self._process_ns) / length_ns, 3),
            "gc_pause_max_ms": _ms(max(gc_pauses_ns, default=0)),
            "rss_bytes": rss_bytes(),
            "descriptors": descriptors(),
            "descriptors_max": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "machine_cpu_share": round(psutil.cpu_percent() / 100, 3),
            "boot": self._boot_id,  # identifies the machine: workers may run on several
        }
        self._wall_ns, self._thread_ns, self._process_ns = wall_ns, thread_ns, process_ns
        return columns

    def close(self) -> None:
        """Remove the callback from the garbage collector."""
        gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, info: dict[str, int]) -> None:
        del info
        if phase == "start":
            self._gc_start_ns = time.monotonic_ns()
        else:
            self._gc_pauses_ns.append(time.monotonic_ns() - self._gc_start_ns)


def descriptors() -> int:
    """Return how many file descriptors this process has open."""
    # Since Linux 6.2 the size of this folder is their number. Listing ten thousand of them would
    # stop the engine for milliseconds.
    return os.stat(_DESCRIPTORS).st_size or len(os.listdir(_DESCRIPTORS))  # noqa: PTH116, PTH208 - once a second, in the engine's thread


def rss_bytes() -> int:
    """Return the resident memory of this process, or its maximum so far where /proc is missing."""
    try:
        with open(_STATM, "rb") as statm:  # noqa: PTH123 - once a second, in the engine's thread
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def _ms(duration_ns: int) -> float:
    return round(duration_ns / NS_PER_MS, 3)
