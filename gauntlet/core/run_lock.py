"""The lock of a run directory: held by the command for as long as a run goes on.

The operating system releases it when the process ends, however that happens.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_WAIT_S = 0.5  # `is_free` holds the lock for a moment
_POLL_S = 0.01


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock of a run directory if it is free; yield whether it is held now.

    It is not on file systems without locks. A list of the runs that only looks whether the lock is
    free does not keep a run from getting it.
    """
    with _descriptor(path) as descriptor:
        yield _locked(descriptor, _WAIT_S)


def is_free(path: Path) -> bool:
    """Return whether no process holds the lock of a run directory."""
    with _descriptor(path) as descriptor:
        return _locked(descriptor, 0.0)


@contextlib.contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int, wait_s: float) -> bool:
    """Lock a directory, and return whether that was possible within `wait_s`."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        except OSError:
            return False
        else:
            return True
