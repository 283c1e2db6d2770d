"""Ends a server process when its parent ends, so that a killed parent leaves no servers behind.

Two mechanisms complement each other. The kernel's parent-death signal (Linux only) also ends a
process that is stopped or busy. Standard input, a pipe whose other end the parent holds, reports
end of file when the parent is gone; this works everywhere and allows a graceful shutdown.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1
# Loaded at import: between fork and exec a process should do as little as possible.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def kill_with_parent(expected_parent: int | None = None) -> None:
    """Have the kernel send SIGKILL to the calling process when its parent ends; Linux only.

    With `expected_parent` (a process id) the call exits the process immediately if that parent
    has ended already. It is safe to call between fork and exec, but a change of the user id
    afterwards clears the signal.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # A parent that died before the call to prctl triggers no signal.
    if expected_parent is not None and os.getppid() != expected_parent:
        os._exit(1)


def stop_with_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set `stop` on `loop` when standard input ends; a daemon thread waits for that."""
    threading.Thread(target=_wait_for_end_of_input, args=(loop, stop), daemon=True).start()


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(stop.set)
