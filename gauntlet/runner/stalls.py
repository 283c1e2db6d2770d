"""What the whole machine had to wait for: storage that stands still, a host that takes the CPU.

Neither shows in how busy a machine is, and a commit that waits a second for an fsync looks like a
slow server. Linux tells both; elsewhere nothing is claimed.
"""

import contextlib
import time
from pathlib import Path

import psutil

_PRESSURE = Path("/proc/pressure/io")


class Waits:
    """The shares of the time since it was last asked."""

    def __init__(self, pressure: Path = _PRESSURE) -> None:
        self._pressure = pressure
        self._at_s, self._storage_s = time.monotonic(), self._stalled_s()
        psutil.cpu_times_percent()  # the first call only begins to count

    def since_last(self) -> dict[str, float]:
        """`storage_wait_share`: of the time in which some process waited for storage.

        `stolen_cpu_share`: of the CPU's time that a hypervisor gave to others.
        """
        at_s, storage_s = time.monotonic(), self._stalled_s()
        shares = {}
        if storage_s is not None and self._storage_s is not None:
            shares["storage_wait_share"] = (storage_s - self._storage_s) / (at_s - self._at_s)
        stolen = getattr(psutil.cpu_times_percent(), "steal", None)
        if stolen is not None:
            shares["stolen_cpu_share"] = stolen / 100
        self._at_s, self._storage_s = at_s, storage_s
        return {name: round(min(share, 1.0), 3) for name, share in shares.items()}

    def _stalled_s(self) -> float | None:
        """The kernel's running total (`Documentation/accounting/psi.rst`), where it keeps one."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            some = self._pressure.read_text().splitlines()[0]
            return int(some.rpartition("total=")[2]) / 1_000_000
        return None
