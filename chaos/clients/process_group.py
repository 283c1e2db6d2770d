"""Runs the commands of a scenario: argument lists with a time limit, never shell text.

A command leads its own process group. At its time limit, or when the run is stopped, the whole
group is killed. Otherwise the processes that it leaves behind are not touched: a command may have
started a server. Its output goes to a file, because such a server would block on a full pipe, and
end at a closed one.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN_BYTES = 200
OUTPUT_BYTES_MAX = 1 << 20
_POLL_S = 0.02


@dataclass(frozen=True)
class Completed:
    """How a command ended.

    `exit_code` is None if it could not be started or was killed; `reason` says why it did not
    succeed, and is empty if it did. `output` has the first bytes of what it wrote.
    """

    exit_code: int | None
    output: str
    took_s: float
    reason: str = ""

    def as_evidence(self) -> dict[str, Any]:
        """Return what the journal keeps of it."""
        found = {"exit_code": self.exit_code, "took_s": self.took_s, "output": self.output}
        return {**found, "reason": self.reason} if self.reason else found


def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    environment: Mapping[str, str],
    output: Path,
    stop: threading.Event | None = None,
    folder: Path | None = None,
) -> Completed:
    """Run a command to its end, its time limit, or `stop`; its output is appended to a file.

    It runs in `folder`, by default in the current one.
    """
    began_s = time.monotonic()
    with _open_private(output) as stream:
        start = stream.seek(0, os.SEEK_END)
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Completed(None, "", 0.0, f"{command[0]} cannot be started: {error}")
        killed = _wait(process, began_s + timeout_s, stop, stream.fileno(), start)
        took_s = round(time.monotonic() - began_s, 3)
        stream.seek(start)
        text = stream.read(SHOWN_BYTES).decode(errors="replace").strip()
    if killed:
        reason = killed if killed != _TIMEOUT else f"no end within {timeout_s:g} s"
        return Completed(None, text, took_s, reason)
    code = process.returncode
    return Completed(code, text, took_s, f"exit code {code}" if code else "")


_TIMEOUT = "time limit"


def _wait(
    process: subprocess.Popen[bytes],
    deadline_s: float,
    stop: threading.Event | None,
    output: int,
    start: int,
) -> str:
    """Wait for the end of a process; return why its group was killed, empty if it was not."""
    reason = ""
    while process.poll() is None:
        if time.monotonic() > deadline_s:
            reason = _TIMEOUT
        elif stop is not None and stop.is_set():
            reason = "killed because the run was stopped"
        elif os.fstat(output).st_size - start > OUTPUT_BYTES_MAX:
            reason = f"killed because it wrote more than {OUTPUT_BYTES_MAX >> 20} MiB"
        if reason:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return reason
        time.sleep(_POLL_S)
    return ""


def _open_private(file: Path) -> Any:
    """Open a file for appending and reading that only its owner may read."""
    descriptor = os.open(file, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
    return os.fdopen(descriptor, "r+b", buffering=0)
