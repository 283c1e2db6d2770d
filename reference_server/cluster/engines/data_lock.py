"""The lock of a data folder: a second cluster would delete what the first one is using."""

import fcntl
import os
from pathlib import Path

from gauntlet.reference_server.cluster.topology.errors import StartError

FILE_NAME = "lock"


def hold(data_dir: Path) -> int:
    """Lock a data folder as long as this process runs; StartError if another cluster uses it.

    The operating system releases the lock, however the process ends; the processes that it starts
    do not inherit the descriptor, which is returned. File systems without locks have none.
    """
    descriptor = os.open(data_dir / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StartError("cluster", f"{data_dir} is in use by another cluster") from None
    except OSError:
        pass
    return descriptor
