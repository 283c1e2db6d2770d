"""What faults share that change how disks answer: set the condition, try a write, restore it."""

import errno
import os
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, NamedTuple

from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.disks.disk import Disk
from gauntlet.chaos.faults._processes import start_stopped, verify_running
from gauntlet.chaos.faults.base import PROVE_S, VERIFY_S, Evidence, FaultFailed, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import disks_of, unproven
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_FILE = ".gauntlet-probe"
_OF_OTHERS = ("held", "paused")  # states that only other faults cause, and end


class Trial(NamedTuple):
    """How a small file was written: the first call that failed, its error, and the sync's time."""

    failed: str = ""
    error: str = ""
    sync_ms: float | None = None

    def as_evidence(self) -> Evidence:
        """Return the fields that have a value."""
        return {key: value for key, value in self._asdict().items() if value not in ("", None)}


class DiskFault(ABC):
    """Gives every disk of the target a condition; a small file that is written meanwhile shows it.

    A component that has ended because of its disk is started again at the heal.
    """

    kind: ClassVar[FaultKind]

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._disks: dict[str, Disk] = {}
        self._affected_before: dict[str, int] = {}
        self._tried = 0

    @abstractmethod
    def condition(self) -> Condition:
        """Return what the disks do while the fault acts."""

    @abstractmethod
    def is_shown_by(self, trial: Trial) -> bool:
        """Whether the fault explains how a file was written."""

    def inject(self, context: Context) -> Evidence:
        """Set the condition. Without disks nothing is done, and there is no proof."""
        if context.no_disks:
            return unproven(context.no_disks)
        disks = disks_of(context, self._spec.target)
        idle = sorted(name for name, disk in disks.items() if not disk.counts().writes)
        if idle:
            raise FaultFailed(f"these components wrote nothing to their disk: {', '.join(idle)}")
        for name, disk in disks.items():
            self._affected_before[name] = _affected(disk)
            # Noted before the call: a call that is not answered may have acted anyway.
            self._disks[name] = disk
            disk.set(self.condition())
        return {"components": sorted(self._disks)}

    def prove(self, context: Context) -> Evidence:
        """A file cannot be written to any of the disks, or only as slowly as configured."""
        trials: dict[str, Trial] = {}

        def all_shown() -> bool | None:
            for name, disk in self._disks.items():
                self._tried += 1
                trials[name] = _try(disk.mount_point)
            return all(map(self.is_shown_by, trials.values())) or None

        proven = poll(all_shown, PROVE_S, context.stop)
        evidence = {name: trial.as_evidence() for name, trial in trials.items()}
        if not proven:
            raise FaultFailed("the disks do not show the fault", evidence)
        return evidence

    def heal(self, context: Context) -> Evidence:
        """Restore the disks, and start what has ended; report how many calls were affected."""
        affected: Evidence = {}
        for name, disk in self._disks.items():
            disk.set(Condition())
            affected[name] = _affected(disk) - self._affected_before[name]
            _remove(disk.mount_point)
        if not self._disks:
            return {}
        return {
            "affected_calls": affected,
            "calls_of_the_proof": self._tried,
            "started": start_stopped(context, self._disks, states=("exited",)),
        }

    def verify(self, context: Context) -> Evidence:
        """A file can be written and synced on every disk, and the components are up.

        One that another fault holds down or has paused stays so until the heal of that fault.
        """
        for name, disk in self._disks.items():
            if poll(lambda disk=disk: not _try(disk.mount_point).failed or None, VERIFY_S) is None:  # type: ignore[misc]  # mypy infers no type for the default
                raise RollbackError(f"the disk of {name} still refuses to be written")
            _remove(disk.mount_point)
        return verify_running(context, list(self._disks), also=_OF_OTHERS)


def _affected(disk: Disk) -> int:
    counts = disk.counts()
    return counts.refused + counts.delayed


def _try(folder: Path) -> Trial:
    """Write and sync a small file; report the first call that fails."""
    call, descriptor = "open", -1
    try:
        descriptor = os.open(folder / _FILE, os.O_WRONLY | os.O_CREAT, 0o600)
        call = "write"
        os.write(descriptor, b"x")
        call, started_s = "sync", time.monotonic()
        os.fsync(descriptor)
        return Trial(sync_ms=round((time.monotonic() - started_s) * 1000, 1))
    except OSError as error:
        return Trial(call, errno.errorcode.get(error.errno or 0, str(error)))
    finally:
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)


def _remove(folder: Path) -> None:
    (folder / _FILE).unlink(missing_ok=True)
