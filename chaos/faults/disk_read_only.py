"""disk-read-only: the disk of a component can only be read."""

from typing import ClassVar

from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.faults._disk_fault import DiskFault, Trial
from gauntlet.core.plugins import FaultKind


class DiskReadOnly(DiskFault):
    """Refuses every change with EROFS, as Linux does after it has found an error on a disk."""

    kind: ClassVar[FaultKind] = FaultKind(
        "disk-read-only",
        "refuses every change on the disk of a component, as one that is mounted read-only (EROFS)",
        targets=("role",),
        lasts=True,
        disk=True,
    )

    def condition(self) -> Condition:
        """Return a disk that can only be read."""
        return Condition(read_only=True)

    def is_shown_by(self, trial: Trial) -> bool:
        """The file cannot be created."""
        return trial.error == "EROFS"
