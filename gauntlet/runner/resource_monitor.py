"""How much of the machine each part of a run takes, once a second (`events/vitals.jsonl`).

The harness must not be what is measured: where the load, a fault proxy or the whole machine is at
its limit, the report says so (`harness_health`). Only processes that the run started count.
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
from gauntlet.runner.stalls import Waits
from gauntlet.scenarios.distributed import worker_identity

SAMPLE_S = 1.0
_SOCKSTAT = Path("/proc/net/sockstat")

Roots = Callable[[], Mapping[str, int]]  # the first process of each part, by the part's name


class Used(NamedTuple):
    """What one part of the run holds now: CPU seconds by process, and memory."""

    cpu_s: dict[tuple[int, float], float]  # by pid and start time, for a pid may come again
    rss_bytes: int


class Vitals:
    """Samples in a thread of its own, from `start` to `stop`."""

    def __init__(self, journal: Journal, roots: Roots) -> None:
        self._journal = journal
        self._roots = roots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the sample under way."""
        self._stop.set()
        self._thread.join()
        self._journal.close()

    def _run(self) -> None:
        psutil.cpu_percent()  # the first call only begins to count
        waits, at_s, before = Waits(), time.monotonic(), _sample(self._roots())
        while not self._stop.wait(SAMPLE_S):
            now_s, after = time.monotonic(), _sample(self._roots())
            cores = {
                part: round(cores_used(before[part], used, now_s - at_s), 3)
                for part, used in after.items()
                if part in before
            }
            machine: dict[str, Any] = {**waits.since_last(), **sockets()}
            self._journal.write(
                "vitals",
                machine_cpu_share=round(psutil.cpu_percent() / 100, 3),
                cpus=psutil.cpu_count() or 1,
                boot=worker_identity.boot_id(),
                cores=cores,
                rss_bytes={part: used.rss_bytes for part, used in after.items()},
                **machine,
            )
            at_s, before = now_s, after


def cores_used(before: Used, after: Used, elapsed_s: float) -> float:
    """CPU seconds a second between two samples; a process seen only once adds what it is known for.

    One that ended takes its last fraction of a second along; one that began counts from its start.
    """
    spent_s = sum(cpu_s - before.cpu_s.get(one, 0.0) for one, cpu_s in after.cpu_s.items())
    return max(spent_s, 0.0) / max(elapsed_s, 0.001)


def sockets(source: Path = _SOCKSTAT) -> dict[str, int]:
    """TCP sockets in use and in TIME_WAIT, of the whole machine; nothing where that is not told."""
    if sys.platform != "linux" or not source.exists():
        return {}
    line = next((line for line in source.read_text().splitlines() if line[:4] == "TCP:"), "TCP:")
    words = line.split()[1:]
    counts = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    return {"tcp_in_use": counts.get("inuse", 0), "tcp_time_wait": counts.get("tw", 0)}


def _sample(roots: Mapping[str, int]) -> dict[str, Used]:
    """What each part uses. Its first process stands alone, `<part>-children` for all below it.

    Whatever else lives below this process, the conductor, is the stack.
    """
    children, own = _children(), psutil.Process().pid
    apart = {own, *roots.values()}
    sampled = {"conductor": _used([own]), "stack": _used(_below(own, children, apart))}
    for part, root in roots.items():
        sampled[part] = _used([root])
        if below := _below(root, children, apart):
            sampled[f"{part}-children"] = _used(below)
    return sampled


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found.setdefault(process.ppid(), []).append(process.pid)
    return found


def _below(root: int, children: Mapping[int, list[int]], apart: set[int]) -> list[int]:
    found, left = [], [root]
    while left:
        more = [pid for pid in children.get(left.pop(), ()) if pid not in apart]
        found += more
        left += more
    return found


def _used(pids: list[int]) -> Used:
    cpu_s, rss_bytes = {}, 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                cpu_s[pid, process.create_time()] = times.user + times.system
                rss_bytes += process.memory_info().rss
    return Used(cpu_s, rss_bytes)
