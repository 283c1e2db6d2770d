"""Creating a file either gives the kernel a handle or keeps nothing open."""

import errno
import os
from pathlib import Path

import pytest

from gauntlet.chaos.disks import wire
from gauntlet.chaos.disks.condition import DiskState
from gauntlet.chaos.disks.file_system import FileSystem
from gauntlet.chaos.disks.undo_log import UndoLog
from gauntlet.chaos.disks.wire import Opcode, Request


def descriptors():
    """The open descriptors of this process."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


@pytest.fixture
def create(tmp_path):
    """Create a file as the kernel asks for it; returns the handle."""
    system = FileSystem(tmp_path, DiskState(), UndoLog())
    system._is_root = True

    def made():
        body = wire.CREATE_IN.pack(os.O_RDWR | os.O_EXCL, 0o644, 0, 0) + b"f\0"
        answer = system.handle(
            Request(Opcode.CREATE, 1, wire.ROOT, os.geteuid(), os.getegid(), memoryview(body))
        )
        return wire.OPEN_OUT.unpack(answer[-wire.OPEN_OUT.size :])[0]

    return made


def test_a_file_that_is_created_is_open(create, tmp_path):
    handle = create()
    os.write(handle, b"x")
    os.close(handle)
    assert (tmp_path / "f").read_bytes() == b"x"


@pytest.mark.parametrize("failing", ["chown", "fstat"])
def test_a_file_that_cannot_be_given_to_its_owner_or_described_is_not_kept_open(
    create, monkeypatch, failing
):
    def refuse(*_args, **_options):
        raise OSError(errno.EDQUOT, "")

    before = descriptors()
    with monkeypatch.context() as patched:
        patched.setattr(os, failing, refuse)
        with pytest.raises(OSError) as refused:  # noqa: PT011  # the number is compared
            create()
    assert refused.value.errno == errno.EDQUOT
    assert descriptors() == before
