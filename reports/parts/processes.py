"""Does jobs in as many processes as there are cores."""

import contextlib
import ctypes
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

# Parameters of glibc's `mallopt`: which allocations are mapped apart, and how much is kept.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_MMAP_MIN_BYTES = 32 << 20
_FREE_MAX_BYTES = 64 << 20

# What the jobs share; a process of the pool inherits it, because it is too large to be sent.
_shared: list[Any] = []


def parallel(work: Callable[..., T], jobs: Sequence[Any], *shared: Any) -> Iterator[T]:
    """Yield `work(*shared, job)` for all jobs in their order.

    Processes are forked; where threads make that unsafe, the jobs are done in this process.
    """
    processes = min(len(jobs), cores())
    if processes < 2 or not can_fork():
        for job in jobs:
            yield work(*shared, job)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, _begin, shared) as pool:
        yield from pool.map(_Job(work), jobs)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_fork() -> bool:
    """Return whether processes can be forked safely."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


class _Job:
    """Calls the work with what the process inherited."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work

    def __call__(self, job: Any) -> Any:
        return self._work(*_shared, job)


def _begin(*shared: Any) -> None:
    _shared[:] = shared
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let the C library keep what a job frees for the next arrays, where it can be told so.

    A job makes thousands of arrays of some megabytes and frees them. By default, glibc returns much
    of that to the kernel, which then provides it again page by page, and zeroed.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        allocator = ctypes.CDLL(None)
        allocator.mallopt(_M_MMAP_THRESHOLD, _MMAP_MIN_BYTES)
        allocator.mallopt(_M_TRIM_THRESHOLD, _FREE_MAX_BYTES)
