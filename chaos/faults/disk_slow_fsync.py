"""disk-slow-fsync: each fsync on the disk of a component takes longer."""

from typing import ClassVar

from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.faults._disk_fault import DiskFault, Trial
from gauntlet.chaos.faults.base import param
from gauntlet.core.plugins import FaultKind, Param


class DiskSlowFsync(DiskFault):
    """Delays each fsync; everything else is as fast as before."""

    kind: ClassVar[FaultKind] = FaultKind(
        "disk-slow-fsync",
        "delays every fsync on the disk of a component",
        targets=("role",),
        params={"delay": Param("duration", "200ms", "added to each fsync", positive=True)},
        lasts=True,
        within=(("delay", "ends before a sync shows it"),),
        disk=True,
    )

    def condition(self) -> Condition:
        """Return a disk that syncs slowly."""
        return Condition(sync_delay_s=self._delay_s)

    def is_shown_by(self, trial: Trial) -> bool:
        """The sync took as long as the delay, or longer."""
        return trial.sync_ms is not None and trial.sync_ms >= self._delay_s * 1000

    @property
    def _delay_s(self) -> float:
        return float(param(self._spec, "delay"))
