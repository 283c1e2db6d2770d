"""How a disk answers requests that fail."""

import errno
import os
import struct
from types import SimpleNamespace

import pytest

from gauntlet.chaos.disks.server import DiskServer
from gauntlet.chaos.disks.wire import Opcode


@pytest.mark.parametrize(
    ("raised", "answered"),
    [
        (OSError(errno.ENOSPC, ""), errno.ENOSPC),
        (KeyError(7), errno.EINVAL),
        (struct.error("too short"), errno.EIO),
        (RuntimeError("a defect"), errno.EIO),
    ],
)
def test_every_request_that_fails_is_answered(raised, answered, capsys):
    def handle(_request):
        raise raised

    reader, writer = os.pipe()
    server = DiskServer.__new__(DiskServer)
    server._files, server._device = SimpleNamespace(handle=handle), writer
    try:
        server._answer(SimpleNamespace(opcode=Opcode.GETATTR, unique=9))
        _, error, unique = struct.unpack_from("<IiQ", os.read(reader, 100))
    finally:
        os.close(reader)
        os.close(writer)
    assert (error, unique) == (-answered, 9)
    assert ("Traceback" in capsys.readouterr().err) == (answered == errno.EIO)
