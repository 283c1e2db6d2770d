"""The lock of a run directory: held by the command for as long as a run goes on.

The operating system releases it when the process ends, however that happens.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock of a run directory if it is free; yield whether it is held now.

    It is not on file systems without locks.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def is_free(path: Path) -> bool:
    """Return whether no process holds the lock of a run directory."""
    with held(path) as free:
        return free
