"""Starts child processes that cannot outlive us and that Ctrl-C does not reach."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO

_PR_SET_PDEATHSIG = 1


def python(module: str, *arguments: str) -> list[str]:
    """A command line that runs a module of ours, and never one from the current folder."""
    return [sys.executable, "-P", "-m", module, *arguments]


def start(
    command: Sequence[str],
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; on Linux the kernel ends it when we die."""
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, **(env or {})},
        start_new_session=True,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509 - only one prctl call between fork and exec
    )


def end(child: subprocess.Popen[bytes], *, grace_s: float) -> int:
    """SIGTERM, then SIGKILL to its whole session after `grace_s`; its exit code."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(grace_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: after it, only the call is safe
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
