"""A disk that is really mounted."""

from types import SimpleNamespace

import pytest

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.disk import Disk


@pytest.fixture
def disk(tmp_path):
    """A mounted disk, where this machine can mount one: `at` is its folder, `files` what is behind.

    It is not mounted any more after the test.
    """
    if reason := mounting.unavailable():
        pytest.skip(reason)
    files, at = tmp_path / "files", tmp_path / "disk"
    files.mkdir()
    at.mkdir()
    mounted = Disk.mount(files, at, tmp_path / "disk.log")
    try:
        yield SimpleNamespace(disk=mounted, at=at, files=files)
    finally:
        mounted.stop()
        assert not mounting.is_mounted(at)
        assert (tmp_path / "disk.log").read_text() == ""
