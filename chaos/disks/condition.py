"""The condition of a disk: what happens to the next writes and syncs, and what happened so far."""

import errno
import threading

import msgspec


class Condition(msgspec.Struct, frozen=True):
    """What a disk does instead of serving.

    `power` off: every call fails, as the processes of a machine without power do not run; they are
    stopped before. `full`: nothing more can be written. `read_only`: nothing can be changed.
    `sync_delay_s` is added to each fsync. `failing` are the calls that fail with an I/O error.
    """

    power: bool = True
    full: bool = False
    read_only: bool = False
    sync_delay_s: float = 0.0
    failing: tuple[str, ...] = ()


class Counts(msgspec.Struct):
    """What a disk has done since it was mounted: calls, and those that it made fail or wait."""

    opens: int = 0
    writes: int = 0
    syncs: int = 0
    refused: int = 0
    delayed: int = 0


class DiskState:
    """The condition of a disk and its counts. `lock` excludes changes from a loss of power."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.condition = Condition()
        self.counts = Counts()
        self._changed = threading.Event()

    def set(self, condition: Condition) -> None:
        """Replace the condition; a sync that is being delayed goes on at once."""
        with self.lock:
            self.condition = condition
            waiting, self._changed = self._changed, threading.Event()
        waiting.set()

    def check(self, call: str) -> None:
        """Raise the OSError that the condition has for a call that changes something.

        `call` is `write` for the content of files, `sync`, or `change` for names and attributes.
        """
        found = self._error(call)
        if found:
            self.counts.refused += 1
            raise OSError(found, "")

    def delay_sync(self) -> None:
        """Wait as long as the condition wants a sync to take."""
        delay_s, changed = self.condition.sync_delay_s, self._changed
        if delay_s > 0:
            self.counts.delayed += 1
            changed.wait(delay_s)

    def _error(self, call: str) -> int:
        condition = self.condition
        if not condition.power or call in condition.failing:
            return errno.EIO
        if condition.read_only and call != "sync":
            return errno.EROFS
        if condition.full and call == "write":
            return errno.ENOSPC
        return 0
