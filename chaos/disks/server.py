"""Serves one mounted disk: reads the kernel's requests, and answers them."""

import errno
import os
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from gauntlet.chaos.disks import mounting, wire
from gauntlet.chaos.disks.condition import DiskState
from gauntlet.chaos.disks.file_system import FileSystem
from gauntlet.chaos.disks.undo_log import UndoLog
from gauntlet.chaos.disks.wire import Opcode, Request

_SYNC_THREADS = 16
# The device returns these when a request was withdrawn, or when a signal came; there will be more.
_AGAIN = (errno.ENOENT, errno.EINTR, errno.EAGAIN)


class DiskServer:
    """A thread that answers all requests in their order, and threads for syncs, which take long."""

    def __init__(self, folder: Path, mount_point: Path, state: DiskState, undo: UndoLog) -> None:
        self._files = FileSystem(folder, state, undo)
        self._device = mounting.mount(mount_point)
        self._syncs = ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="sync")
        self._thread = threading.Thread(target=self._serve, name="disk", daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the last request after the disk was unmounted."""
        self._thread.join(timeout_s)

    def _serve(self) -> None:
        while True:
            try:
                data = os.read(self._device, wire.REQUEST_BYTES_MAX)
            except OSError as error:
                if error.errno in _AGAIN:
                    continue
                return  # ENODEV: the disk has been unmounted
            request = wire.parse(memoryview(data))
            if request.opcode in (Opcode.FSYNC, Opcode.FSYNCDIR):
                self._syncs.submit(self._answer, request)
            else:
                self._answer(request)

    def _answer(self, request: Request) -> None:
        content, error = b"", 0
        try:
            content = self._files.handle(request)
        except OSError as failed:
            error = failed.errno or errno.EIO
        except (KeyError, ValueError):  # a node that is not known, or a request that is cut short
            error = errno.EINVAL
        except Exception:  # noqa: BLE001  # the caller, and all that follow, must get an answer
            traceback.print_exc()  # into the log of the disk
            error = errno.EIO
        if request.opcode not in wire.UNANSWERED:
            with suppress(OSError):  # the caller was killed meanwhile, or the disk was unmounted
                os.write(self._device, wire.answer(request.unique, content, error))
