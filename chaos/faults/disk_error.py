"""disk-error: writes to the disk of a component fail, or syncs do, or both."""

from typing import ClassVar

from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.faults._disk_fault import DiskFault, Trial
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param

_CALLS = {"write": ("write",), "sync": ("sync",), "both": ("write", "sync")}


class DiskError(DiskFault):
    """Makes calls fail with EIO, as a broken disk does."""

    kind: ClassVar[FaultKind] = FaultKind(
        "disk-error",
        "makes writes or syncs on the disk of a component fail (EIO)",
        targets=("role",),
        params={"calls": Param("choice", "write", "the calls that fail", tuple(_CALLS))},
        lasts=True,
        disk=True,
    )

    def condition(self) -> Condition:
        """Return a disk on which these calls fail."""
        return Condition(failing=_CALLS[param(self._spec, "calls")])

    def is_shown_by(self, trial: Trial) -> bool:
        """The first of these calls has failed; a new file counts as written."""
        failing = ("sync",) if param(self._spec, "calls") == "sync" else ("open", "write")
        return trial.error == "EIO" and trial.failed in failing
