"""disk-full: nothing more can be written to the disk of a component."""

from typing import ClassVar

from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.faults._disk_fault import DiskFault, Trial
from gauntlet.core.plugins import FaultKind


class DiskFull(DiskFault):
    """Refuses to write with ENOSPC; files can be read, synced and removed."""

    kind: ClassVar[FaultKind] = FaultKind(
        "disk-full",
        "refuses to write to the disk of a component, as a full one does (ENOSPC)",
        targets=("role",),
        lasts=True,
        disk=True,
    )

    def condition(self) -> Condition:
        """Return a disk without space."""
        return Condition(full=True)

    def is_shown_by(self, trial: Trial) -> bool:
        """The file has no space."""
        return trial.error == "ENOSPC"
