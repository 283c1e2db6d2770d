"""Mounts and unmounts folders, and says whether this machine can.

Root mounts directly. Other users need `fusermount3`, which opens the device and mounts for them.
"""

import array
import ctypes
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

from gauntlet.core.errors import StackError

DEVICE = Path("/dev/fuse")
TYPE = "fuse.gauntlet"  # as /proc/self/mounts shows it
HELPERS = ("fusermount3", "fusermount")
INSTALL = "install it; on Debian and Ubuntu: apt-get install fuse3"
_MOUNTS, _STATUS = Path("/proc/self/mounts"), Path("/proc/self/status")
_MS_NOSUID, _MS_NODEV, _MNT_DETACH = 2, 4, 2
_RETRY_S = 0.05
_HELPER_TIMEOUT_S = 10.0


def unavailable() -> str:
    """Return why no folder can be mounted here, with what to do about it; empty if it can."""
    if sys.platform != "linux":
        return "file systems in user space (FUSE) are used on Linux only"
    if not DEVICE.exists():
        return (
            f"{DEVICE} does not exist; load the kernel module fuse, or give the container {DEVICE}"
        )
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} cannot be opened by this user; allow it, also for a container"
    if os.geteuid() == 0:
        return "" if _may_mount() else "this container may not mount; give it CAP_SYS_ADMIN"
    if _helper() is None:
        return f"{HELPERS[0]} is not installed; {INSTALL}"
    return ""


def mount(folder: Path) -> int:
    """Mount a folder; return the descriptor from which its requests are read.

    Raises StackError if that fails.
    """
    return _mount_directly(folder) if os.geteuid() == 0 else _mount_by_helper(folder)


def unmount(folder: Path, timeout_s: float, *, detach: bool) -> bool:
    """Unmount a folder as soon as it is not in use any more; return whether it is not mounted.

    With `detach`, a folder that is still in use after `timeout_s` vanishes all the same.
    """
    deadline = time.monotonic() + timeout_s
    while is_mounted(folder):
        is_late = time.monotonic() > deadline
        _unmount_once(folder, detach=detach and is_late)
        if is_late:
            break
        time.sleep(_RETRY_S)
    return not is_mounted(folder)


def is_mounted(folder: Path) -> bool:
    """Whether one of our disks is mounted on a folder; the folder itself is not touched."""
    return str(folder) in mounted_below(folder)


def mounted_below(folder: Path) -> list[str]:
    """Return the folders in and below `folder` on which disks of ours are mounted."""
    found: list[str] = []
    if not _MOUNTS.exists():  # not Linux
        return found
    for line in _MOUNTS.read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind != TYPE:
            continue
        # The kernel writes spaces and the like as octal numbers, and all other bytes as they are.
        path = where.encode().decode("unicode_escape").encode("latin-1").decode()
        if Path(path).is_relative_to(folder):
            found.append(path)
    return found


def _mount_directly(folder: Path) -> int:
    device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    options = (
        f"fd={device},rootmode={stat.S_IFDIR:o},user_id={os.geteuid()},group_id={os.getegid()},"
        "allow_other,default_permissions"
    )
    libc = ctypes.CDLL(None, use_errno=True)
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV)
    if libc.mount(b"gauntlet", os.fsencode(folder), TYPE.encode(), flags, options.encode()) != 0:
        reason = os.strerror(ctypes.get_errno())
        os.close(device)
        raise StackError(f"{folder} could not be mounted: {reason}")
    return device


def _mount_by_helper(folder: Path) -> int:
    """Receive the descriptor from `fusermount3` over a socket."""
    helper = _helper()
    if helper is None:
        raise StackError(f"{HELPERS[0]} is not installed; {INSTALL}")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        options = "fsname=gauntlet,subtype=gauntlet,default_permissions,nosuid,nodev"
        done = subprocess.run(
            [helper, "-o", options, "--", str(folder)],
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
            pass_fds=(theirs.fileno(),),
            capture_output=True,
            text=True,
            timeout=_HELPER_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(f"{folder} could not be mounted: {done.stderr.strip()}")
        descriptors = array.array("i")
        _, messages, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(descriptors.itemsize))
        for _, _, content in messages:
            descriptors.frombytes(content[: descriptors.itemsize])
    os.set_inheritable(descriptors[0], False)
    return int(descriptors[0])


def _unmount_once(folder: Path, *, detach: bool) -> None:
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.umount2(os.fsencode(folder), _MNT_DETACH if detach else 0)
    elif (helper := _helper()) is not None:
        command = [helper, "-u", *(["-z"] if detach else []), "--", str(folder)]
        subprocess.run(command, capture_output=True, timeout=_HELPER_TIMEOUT_S, check=False)


def _helper() -> str | None:
    return next((path for name in HELPERS if (path := shutil.which(name))), None)


def _may_mount() -> bool:
    """Whether root has the capability to mount, which containers usually take away."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> 21 & 1)  # CAP_SYS_ADMIN
    return False
