"""Make the kernel end a child process when its parent dies (Linux only)."""

import ctypes
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def exit_with_parent(signal_number: int) -> Callable[[], None] | None:
    """Return a `preexec_fn` that makes the kernel send `signal_number` when the parent dies.

    Linux counts the *thread* that started the child as its parent (prctl(2), PR_SET_PDEATHSIG), so
    start the child from a thread that lives as long as the child is needed. None on other systems.
    """
    if sys.platform != "linux":
        return None
    # Load the library before the fork: between fork and exec, only the call itself is safe.
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal_number)
