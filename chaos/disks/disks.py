"""Mounts a disk of its own for each component on which a fault of the scenario needs one."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.disk import Disk
from gauntlet.core.errors import StackError

DISKS = "-disks"  # what the folder of all disks has behind the name of that of the data
FILES = ".files"  # what the folder with the files of a disk has behind the component's name
# PostgreSQL runs as another user than root, and has to reach its folder.
_TRAVERSABLE = 0o711


class Disks:
    """The disks of a run, by component.

    `unavailable` is the reason why there are none although faults need them: those faults then have
    no proof, and the run is inconclusive.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._folder: Path | None = None
        self.mounted: dict[str, Disk] = {}
        self.unavailable = ""

    def mount(self, components: Iterable[str], beside: Path) -> None:
        """Mount a disk for each component, in a folder beside that of the stack's data.

        A recovery knows the folder of the data, and therefore what is mounted beside it. If the
        system refuses to mount one, there are none.
        """
        names = sorted(components)
        self.unavailable = mounting.unavailable() if names else ""
        if self.unavailable or not names:
            return
        folder = self._folder = beside.with_name(f"{beside.name}{DISKS}")
        folder.mkdir()
        folder.chmod(_TRAVERSABLE)
        for name in names:
            files, mount_point = folder / f"{name}{FILES}", folder / name
            for each in (files, mount_point):
                each.mkdir(mode=0o700)
            try:
                self.mounted[name] = Disk.mount(files, mount_point, self._log)
            except StackError as error:  # for example by AppArmor
                self.stop()
                self.mounted.clear()
                self.unavailable = str(error)
                return

    @property
    def pids(self) -> list[int]:
        """The processes of the disks."""
        return [disk.pid for disk in self.mounted.values()]

    @property
    def folders(self) -> dict[str, str]:
        """The data folder of each component that has a disk."""
        return {name: str(disk.mount_point) for name, disk in self.mounted.items()}

    def settle(self) -> None:
        """Make durable what the start of the stack has written, as on a machine that ran before."""
        for disk in self.mounted.values():
            disk.flush()

    def stop(self) -> None:
        """Unmount all disks, whose components have ended, and remove what was on them."""
        for disk in self.mounted.values():
            disk.stop()
        if self._folder is not None and not mounting.mounted_below(self._folder):
            shutil.rmtree(self._folder, ignore_errors=True)
