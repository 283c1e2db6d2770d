"""The disk of one component, served by a process of its own."""

import ctypes
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.condition import Condition, Counts
from gauntlet.core.errors import StackError

_MODULE = "gauntlet.chaos.disks"
_START_TIMEOUT_S = 15.0
_ANSWER_TIMEOUT_S = 10.0
_READ_BYTES = 65_536
_STOP_TIMEOUT_S = 12.0  # longer than the process waits for those that use the disk


class Disk:
    """A mounted folder whose writes can fail, wait, or be lost. Safe to use from several threads.

    It is unmounted by `stop`, and by its process when this process dies.
    """

    def __init__(self, process: subprocess.Popen[str], mount_point: Path) -> None:
        self._process = process
        self.mount_point = mount_point
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._unread = b""  # of the answers

    @classmethod
    def mount(cls, folder: Path, mount_point: Path, log: Path) -> Self:
        """Mount a disk that passes on to `folder`; both folders exist. Raises StackError."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE, str(folder), str(mount_point)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                start_new_session=True,  # Ctrl-C must reach only the harness
            )
        disk = cls(process, mount_point.resolve())
        try:
            first = disk._read(_START_TIMEOUT_S)
        except BaseException:  # also Ctrl-C
            disk.stop()
            raise
        if "mounted" not in first:
            disk.stop()
            raise StackError(f"the disk was not mounted: {first.get('failed', 'no reason given')}")
        return disk

    @property
    def pid(self) -> int:
        """The process that serves the disk."""
        return self._process.pid

    def set(self, condition: Condition) -> None:
        """Replace the condition of the disk."""
        self._command({"do": "set", "condition": msgspec.to_builtins(condition)})

    def flush(self) -> None:
        """Make everything durable that has been written so far."""
        descriptor = os.open(self.mount_point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # The kernel passes on what was changed by mmap.
            ctypes.CDLL(None, use_errno=True).syncfs(descriptor)
        finally:
            os.close(descriptor)
        self._command({"do": "flush"})

    def lose(self, torn: float, seed: int) -> dict[str, int]:
        """Undo what is not durable, but for a random share of the blocks; return what was lost."""
        return self._command({"do": "lose", "torn": torn, "seed": seed})

    def counts(self) -> Counts:
        """Return what the disk has done so far."""
        return msgspec.convert(self._command({"do": "count"}), Counts)

    def stop(self) -> None:
        """Unmount the disk, and end its process; a second call does nothing."""
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            with suppress(OSError):
                process.stdin.close()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        # Of a process that was killed, the mount is left.
        mounting.unmount(self.mount_point, 0.0, detach=True)

    def _command(self, command: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            number = next(self._numbers)
            try:
                assert self._process.stdin is not None
                self._process.stdin.write(json.dumps({**command, "number": number}) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                raise StackError(f"the process of the disk {self.mount_point} is gone") from error
            # An earlier answer may have been late.
            while (answer := self._read(_ANSWER_TIMEOUT_S)).get("number") != number:
                pass
        if "error" in answer:
            raise StackError(f"the disk {self.mount_point} failed: {answer['error']}")
        content: dict[str, Any] = answer["ok"]
        return content

    def _read(self, timeout_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        output, deadline_s = self._process.stdout.fileno(), time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            left_s = max(0.0, deadline_s - time.monotonic())
            readable, _, _ = select.select([output], [], [], left_s)
            part = os.read(output, _READ_BYTES) if readable else b""
            if not part:
                raise StackError(f"the process of the disk {self.mount_point} does not answer")
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found
