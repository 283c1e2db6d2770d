"""A disk is unmounted at its end, and when the process that mounted it or its own one is killed."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.disk import Disk
from gauntlet.core.errors import StackError

pytestmark = pytest.mark.integration

HOLDER = """
import sys, time
from pathlib import Path
from gauntlet.chaos.disks.disk import Disk
files, at, log = map(Path, sys.argv[1:])
disk = Disk.mount(files, at, log)
(at / "in-use").touch()
print(disk.pid, flush=True)
time.sleep(300)
"""


def has_ended(pid):
    """Whether a process is gone; its new parent may not have taken note of it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition, timeout_s=20):
    """Fail if a condition does not become true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def folders(tmp_path):
    """The folders and the log of a disk that the test mounts itself."""
    if reason := mounting.unavailable():
        pytest.skip(reason)
    found = (tmp_path / "files", tmp_path / "disk", tmp_path / "log")
    for folder in found[:2]:
        folder.mkdir()
    yield found
    mounting.unmount(found[1], 0.0, detach=True)


def test_a_second_stop_does_nothing(disk):
    disk.disk.stop()
    disk.disk.stop()
    assert not mounting.is_mounted(disk.at)


def test_a_disk_in_use_is_unmounted_by_force(disk):
    descriptor = os.open(disk.at / "f", os.O_RDWR | os.O_CREAT)
    disk.disk.stop()
    assert not mounting.is_mounted(disk.at)
    with pytest.raises(OSError, match="not connected"):
        os.close(descriptor)


def test_after_the_kill_of_the_harness_nothing_is_mounted(folders):
    command = [sys.executable, "-P", "-c", HOLDER, *map(str, folders)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        pid = int(holder.stdout.readline())
        assert mounting.is_mounted(folders[1])
        holder.kill()
        holder.wait()
        wait_until(lambda: not mounting.is_mounted(folders[1]))
        wait_until(lambda: has_ended(pid))
    assert (folders[0] / "in-use").exists()


def test_a_disk_whose_process_was_killed_is_unmounted_by_stop(folders):
    disk = Disk.mount(*folders)
    os.kill(disk.pid, signal.SIGKILL)
    with pytest.raises(StackError, match=r"is gone|does not answer"):
        disk.counts()
    assert mounting.is_mounted(folders[1])
    disk.stop()
    assert not mounting.is_mounted(folders[1])


def test_a_folder_that_does_not_exist_is_not_mounted(folders, tmp_path):
    with pytest.raises(StackError, match="not mounted"):
        Disk.mount(folders[0], tmp_path / "none", folders[2])
