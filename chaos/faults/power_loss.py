"""power-loss: processes end, and what they had not synced to their disk is gone."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import psutil

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.disks.disk import Disk
from gauntlet.chaos.faults._processes import select_victims, start_stopped, verify_running
from gauntlet.chaos.faults.base import PROVE_S, Evidence, FaultFailed, param, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.disk_targets import disks_of, unproven
from gauntlet.core.plugins import FaultKind, Param
from gauntlet.core.scenario.model import Fault as Spec

_SYNCED, _UNSYNCED = ".gauntlet-synced", ".gauntlet-unsynced"
_STOPPED = "TtZX"  # stopped, traced, ended: as /proc shows the states of threads
_CONTENT = b"written just before the power failed\n"


class PowerLoss:
    """Stops the components, cuts the power of their disks, and ends them; the heal starts them.

    They are stopped first: otherwise one of them could still answer a client after its disk is off,
    which no machine without power does.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "power-loss",
        "ends processes, and undoes what they wrote to their disk without an fsync",
        targets=("role",),
        params={
            "torn": Param(
                "percent", 0, "share of the blocks that were not synced and are on the disk anyway"
            )
        },
        disk=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._victims: dict[str, Component] = {}
        self._proof: Evidence = {}
        self._disks: dict[str, Disk] = {}

    def inject(self, context: Context) -> Evidence:
        """Cut the power of each component. Without disks nothing is done, and there is no proof."""
        if context.no_disks:
            return unproven(context.no_disks)
        self._disks = disks_of(context, self._spec.target)
        victims = select_victims(context, self._spec.target, None)
        if missing := sorted(self._disks.keys() - victims.keys()):
            raise FaultFailed(f"these components are not running: {', '.join(missing)}")
        for name, component in victims.items():
            # Noted before: what fails half-way must be healed, too.
            self._victims[name] = component
            self._proof[name] = self._cut(context, name, self._disks[name])
        return {"components": sorted(self._victims), "lost": self._lost()}

    def prove(self, context: Context) -> Evidence:
        """Of two files that were written just before, only the one that was synced has its content.

        The component has written to the disk, too; otherwise its data is somewhere else.
        """
        for name, proof in self._proof.items():
            folder = self._disks[name].mount_point
            proof["synced_file"] = _content_of(folder / _SYNCED)
            proof["unsynced_file"] = _content_of(folder / _UNSYNCED)
            if (proof["synced_file"], proof["unsynced_file"]) != ("kept", "lost"):
                raise FaultFailed("the disk did not lose what was not synced", self._proof)
            if not proof["writes"]:
                raise FaultFailed(f"{name} has written nothing to its disk", self._proof)
            _remove_files(folder)
        return self._proof

    def heal(self, context: Context) -> Evidence:
        """Switch the disks on, and start the components that are down."""
        for name, disk in self._disks.items():
            disk.set(Condition())
            if name in self._victims:
                _remove_files(disk.mount_point)
        if not self._victims:
            return {"started": []}
        return {
            **_resume_paused(context, self._victims),
            "started": start_stopped(context, self._victims),
        }

    def verify(self, context: Context) -> Evidence:
        """The components are up."""
        return verify_running(context, list(self._victims))

    def _cut(self, context: Context, name: str, disk: Disk) -> Evidence:
        """Cut the power of one component; return what its disk had done and what was lost."""
        control = context.require_control()
        done = disk.counts()
        _write_files(disk.mount_point)
        control.pause(name)
        _wait_until_stopped(context, self._victims[name].pid)
        disk.set(Condition(power=False))
        control.kill(name)
        lost = disk.lose(param(self._spec, "torn") / 100, context.seed)
        disk.set(Condition())  # for the proof; nothing of the component runs any more
        return {"writes": done.writes, "syncs": done.syncs, "lost": lost}

    def _lost(self) -> Evidence:
        return {name: proof["lost"] for name, proof in self._proof.items()}


def _resume_paused(context: Context, names: Iterable[str]) -> Evidence:
    """Resume what was stopped and not killed, because the injection failed between the two."""
    control = context.require_control()
    components = control.components()
    paused = [name for name in names if components[name].state == "paused"]
    for name in paused:
        control.resume(name)
    return {"resumed": paused} if paused else {}


def _wait_until_stopped(context: Context, pid: int | None) -> None:
    """Wait until no thread of a process or its children runs; FaultFailed if one goes on."""
    if not poll(lambda: _is_stopped(pid) or None, PROVE_S, context.stop, 0.01):
        raise FaultFailed(f"process {pid} could not be stopped before the power was cut")


def _is_stopped(pid: int | None) -> bool:
    """Whether every thread is stopped; one that waits for its disk stops when that has answered."""
    try:
        process = psutil.Process(pid)
        pids = [each.pid for each in (process, *process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return True
    return all(_state_of(task) in _STOPPED for each in pids for task in _tasks(each))


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").glob("*/stat"))


def _state_of(task: Path) -> str:
    try:
        # The name of the thread, in parentheses before the state, may contain anything.
        return task.read_text(errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def _write_files(folder: Path) -> None:
    """Write two files, of which one is synced."""
    for name in (_SYNCED, _UNSYNCED):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, _CONTENT)
            if name == _SYNCED:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _content_of(file: Path) -> str:
    try:
        found = file.read_bytes()
    except FileNotFoundError:
        return "lost"
    return "kept" if found == _CONTENT else "lost"


def _remove_files(folder: Path) -> None:
    for name in (_SYNCED, _UNSYNCED):
        (folder / name).unlink(missing_ok=True)
