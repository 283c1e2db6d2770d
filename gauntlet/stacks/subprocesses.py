"""Starts child processes that end when the harness does and that Ctrl-C does not reach."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from gauntlet.core.parent_death import exit_with_parent


def python(module: str, *arguments: str) -> list[str]:
    """Return a command line that runs one of our modules.

    `-P` keeps the current folder off `sys.path`, so that no module of the user is run instead.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def start(
    command: Sequence[str],
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    pass_fds: Sequence[int] = (),
    orphan_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in its own session, so that Ctrl-C in the terminal does not reach it.

    The child gets the environment of this process with the changes of `env`; None removes a
    variable. The child inherits the descriptors `pass_fds` and no others. On Linux the kernel sends
    the child `orphan_signal` when the thread that called this function ends.
    """
    environment = {**os.environ, **(env or {})}
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env={name: value for name, value in environment.items() if value is not None},
        start_new_session=True,
        pass_fds=pass_fds,
        preexec_fn=exit_with_parent(orphan_signal),  # noqa: PLW1509  # one prctl call, takes no lock
    )


def end(child: subprocess.Popen[bytes], *, grace_s: float) -> int:
    """Send SIGTERM, after `grace_s` SIGKILL to the child's whole session; return the exit code."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(grace_s)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.wait()
