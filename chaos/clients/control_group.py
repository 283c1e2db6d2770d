"""Control groups of our own (cgroups of version 1 and 2), into which processes are moved.

A group is created below the one of the processes, where version 1 allows it. In version 2 a group
with processes must have no children with controllers, so the group is created below the nearest
ancestor that has the controller for its children.
"""

import contextlib
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from gauntlet.core.errors import StackError

NAME = re.compile(r"gauntlet-[0-9a-f]{16}")
_UNLIMITED = {"memory.limit_in_bytes": "-1", "memory.high": "max"}  # of version 1 and 2
_ADOPT_ATTEMPTS = 10  # processes that fork while they are moved
_REMOVE_S = 2.0
_PAUSE_S = 0.02


class Hierarchy(NamedTuple):
    """Where a controller is mounted; `root` is the group that is mounted there."""

    version: int
    mount: Path
    root: str


class ControlGroup:
    """A group for the processes of one component."""

    def __init__(self, path: Path, version: int, origin: Path) -> None:
        self.path = path
        self.version = version
        self._origin = origin

    @classmethod
    def create(cls, controller: str, pid: int, announce: Callable[[Path], None]) -> "ControlGroup":
        """Create a group for `pid`; `announce` is called with its path before it exists.

        Raises StackError, with the reason, if control groups cannot be used here.
        """
        hierarchy = find_hierarchy(controller)
        origin = _group_of(pid, controller, hierarchy)
        parent = origin if hierarchy.version == 1 else _delegating(origin, hierarchy, controller)
        if not os.access(parent, os.W_OK):
            raise StackError(
                f"the {controller} controller cannot be used: {parent} is not writable; run as "
                "root, or in a control group that is delegated to this user"
            )
        path = parent / f"gauntlet-{secrets.token_hex(8)}"
        announce(path)
        try:
            path.mkdir()
        except OSError as error:
            raise StackError(f"the control group {path} cannot be created: {error}") from error
        return cls(path, hierarchy.version, origin)

    def write(self, name: str, value: int | str) -> None:
        """Set a value; StackError if the kernel does not have it or refuses it."""
        try:
            (self.path / name).write_text(f"{value}\n")
        except OSError as error:
            raise StackError(f"{self.path / name}: {error.strerror}; tried {value}") from error

    def read(self, name: str) -> str:
        """Return the content of a file; StackError if there is none."""
        try:
            return (self.path / name).read_text().strip()
        except OSError as error:
            raise StackError(f"{self.path / name}: {error.strerror}") from error

    def counter(self, name: str, key: str) -> int:
        """Return the number after `key` in a file of counters; 0 if it is not there."""
        found = re.search(rf"^{key} (\d+)$", self.read(name), re.MULTILINE)
        return int(found.group(1)) if found else 0

    def adopt(self, pid: int) -> list[int]:
        """Move a process and all its descendants into the group; return their ids."""
        for _ in range(_ADOPT_ATTEMPTS):
            outside = [each for each in _tree(pid) if each not in self.pids()]
            if not outside:
                break
            for each in outside:
                with contextlib.suppress(ProcessLookupError):
                    _move(each, self.path)
        return self.pids()

    def pids(self) -> list[int]:
        """Return the processes in the group."""
        return [int(line) for line in self.read("cgroup.procs").split()]

    def remove(self) -> None:
        """Move the processes back and remove the group; does nothing if it does not exist.

        Limits of memory are lifted first: a process that waits for memory would otherwise wait for
        ever, also in another group. If the group that they come from is gone, processes are moved
        to the parent. A process that has just died keeps its group for a moment. StackError if it
        stays.
        """
        deadline = time.monotonic() + _REMOVE_S
        for name, unlimited in _UNLIMITED.items():
            if (self.path / name).exists():
                self.write(name, unlimited)
        while self.path.exists():
            try:
                target = self._origin if self._origin.exists() else self.path.parent
                for pid in self.pids():
                    with contextlib.suppress(ProcessLookupError):
                        _move(pid, target)
                self.path.rmdir()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise StackError(f"{self.path} cannot be removed: {error}") from error
                time.sleep(_PAUSE_S)


def find_hierarchy(controller: str, mounts: Path = Path("/proc/self/mountinfo")) -> Hierarchy:
    """Return where a controller is mounted; StackError if this system has none."""
    unified: Hierarchy | None = None
    for line in mounts.read_text().splitlines() if mounts.exists() else ():
        left, _, right = line.partition(" - ")
        root, mount = left.split()[3:5]
        kind, _, options = right.split(maxsplit=2)
        if kind == "cgroup" and controller in options.split(","):
            return Hierarchy(1, Path(mount), root)
        if kind == "cgroup2":
            controllers = Path(mount) / "cgroup.controllers"
            if controllers.exists() and controller in controllers.read_text().split():
                unified = Hierarchy(2, Path(mount), root)
    if unified is None:
        raise StackError(f"this system has no {controller} controller of control groups")
    return unified


def _group_of(pid: int, controller: str, hierarchy: Hierarchy) -> Path:
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError as error:
        raise StackError(f"process {pid} has ended") from error
    for line in lines:
        _, controllers, path = line.split(":", 2)
        wanted = "" if hierarchy.version == 2 else controller
        if wanted in controllers.split(","):
            inside = os.path.relpath(path, hierarchy.root)
            return hierarchy.mount if inside.startswith("..") else hierarchy.mount / inside
    raise StackError(f"process {pid} is in no control group with the {controller} controller")


def _delegating(origin: Path, hierarchy: Hierarchy, controller: str) -> Path:
    """Return the nearest group above whose children have the controller (cgroups, version 2)."""
    for group in (origin, *origin.parents):
        enabled = group / "cgroup.subtree_control"
        if enabled.exists() and controller in enabled.read_text().split():
            return group
        if group == hierarchy.mount:
            break
    raise StackError(
        f"the {controller} controller cannot be used: no control group above {origin} has it "
        "enabled for its children"
    )


def _move(pid: int, group: Path) -> None:
    (group / "cgroup.procs").write_text(f"{pid}\n")


def _tree(pid: int) -> list[int]:
    try:
        process = psutil.Process(pid)
        return [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []
