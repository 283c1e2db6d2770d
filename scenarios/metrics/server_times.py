"""Converts the time stamps of the server to the clock of this worker."""

from collections.abc import Callable

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import stamp_age

# Both clocks are read within microseconds, or later where the process had to wait in between.
_STEP_NS = 250 * NS_PER_MS
# Time stamps are wrong, and not errors, if they have another unit; a record has 63 bits for one.
_STAMP_MS_MAX = 1 << 42


class ServerTimes:
    """Compares time stamps with this host's time of day.

    If that is set during the load, what was stamped before and after can no longer be told apart.
    Therefore no stamp is converted while the time of day is not that of the beginning.
    """

    def __init__(self, now_ns: Callable[[], int], wall_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._wall_ns = wall_ns
        self._wall_lead_ns = wall_ns() - now_ns()

    def local_ns(self, stamped_ms: int) -> int:
        """Return a time stamp on the worker's clock; 0 without a stamp, or if it is not known."""
        if not stamped_ms:
            return 0
        lead_ns = self._wall_lead_ns
        if not -_STEP_NS < self._wall_ns() - self._now_ns() - lead_ns < _STEP_NS:
            return 0
        stamped_ms = min(max(stamped_ms, -_STAMP_MS_MAX), _STAMP_MS_MAX)
        return stamped_ms * NS_PER_MS - lead_ns or 1

    def age(self, stamped_ms: int, now_ns: int) -> int:
        """Return the age of a time stamp for a record (`stamp_age`), 0 as for `local_ns`."""
        local_ns = self.local_ns(stamped_ms)
        return stamp_age(now_ns - local_ns) if local_ns else 0
