"""`python -P -m gauntlet.chaos.disks FOLDER MOUNT_POINT`: one disk, controlled by JSON lines.

Each line on standard input is answered by one on standard output with its `number`. When standard
input ends or SIGTERM arrives, the disk is unmounted, in use or not: a mount must not outlive the
harness.
"""

import json
import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.condition import Condition, DiskState
from gauntlet.chaos.disks.server import DiskServer
from gauntlet.chaos.disks.undo_log import UndoLog
from gauntlet.core import os_limits
from gauntlet.core.errors import StackError

UNMOUNT_TIMEOUT_S = 5.0  # in which the processes that use the disk should have ended


class _Commands:
    """What the lines on standard input ask for."""

    def __init__(self, state: DiskState, undo: UndoLog) -> None:
        self._state = state
        self._undo = undo

    def execute(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what one line says; return the answer."""
        match command["do"]:
            case "set":
                self._state.set(msgspec.convert(command["condition"], Condition))
            case "flush":
                with self._state.lock:
                    self._undo.all_durable()
            case "lose":
                with self._state.lock:
                    draw = random.Random(command["seed"])
                    return vars(self._undo.lose(command["torn"], draw))
            case "count":
                return msgspec.to_builtins(self._state.counts)  # type: ignore[no-any-return]  # msgspec returns Any
            case unknown:
                raise ValueError(f"there is no command {unknown!r}")
        return {}


def main() -> int:
    """Mount, serve until standard input ends or SIGTERM arrives, and unmount."""
    folder, mount_point = (Path(text).resolve() for text in sys.argv[1:3])
    os.umask(0)  # the kernel has applied that of the caller
    os_limits.raise_descriptors()
    state, undo, ended = DiskState(), UndoLog(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        server = DiskServer(folder, mount_point, state, undo)
    except (OSError, StackError) as error:
        _write({"failed": str(error)})
        return 1
    _write({"mounted": str(mount_point)})
    threading.Thread(
        target=_read_commands, args=(_Commands(state, undo), ended), name="commands", daemon=True
    ).start()
    ended.wait()
    state.set(Condition())  # nothing must wait any more
    unmounted = mounting.unmount(mount_point, UNMOUNT_TIMEOUT_S, detach=True)
    server.join(1.0)
    return 0 if unmounted else 1


def _read_commands(commands: _Commands, ended: threading.Event) -> None:
    for line in sys.stdin:
        number = None
        try:
            command = json.loads(line)
            number = command["number"]
            answer: dict[str, Any] = {"ok": commands.execute(command)}
        except (KeyError, ValueError, OSError, msgspec.ValidationError) as error:
            answer = {"error": repr(error)}
        _write({**answer, "number": number})
    ended.set()


def _write(row: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Threads of syncs that the kernel will never ask about again must not delay the end.
    os._exit(code)
