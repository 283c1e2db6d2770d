"""How a component is started: the specification that every engine hands to the supervisor."""

import re
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VERSION = re.compile(r"\d+(?:\.\d+)+")


async def _no_preparation() -> None:
    """Do nothing: most engines need no preparation."""


@dataclass(frozen=True)
class LaunchSpec:
    """The command of one component, its environment, and what runs before and after it."""

    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    stdin: bytes = b""
    # Commands that are started before the main one and ended after it, in the same environment.
    helpers: tuple[tuple[str, ...], ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    # Awaited before every start; raises StartError.
    prepare: Callable[[], Awaitable[None]] = _no_preparation
    clean_up: Callable[[], None] = lambda: None
    # Makes a running standby the primary; None if there is nothing to promote. Raises StartError.
    promote: Callable[[], Awaitable[None]] | None = None

    def delayed_argv(self, delay_s: float) -> tuple[str, ...]:
        """Return the command with a wait before it, in the same process."""
        if not delay_s:
            return self.argv
        return ("/bin/sh", "-c", 'sleep "$0"; exec "$@"', f"{delay_s:g}", *self.argv)


@dataclass(frozen=True)
class Binary:
    """A server program that was found on this machine."""

    path: str
    version: str


class MissingBinaryError(Exception):
    """A server program is not installed; the message is one line that says how to install it."""


def version_of(program: str | Path) -> str | None:
    """Return the version that `--version` prints; None if the program cannot be run."""
    try:
        output = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(output)
    return found.group() if found else None
