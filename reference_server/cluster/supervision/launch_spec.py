"""How a component is started: what every engine's file hands to the supervisor."""

import re
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VERSION = re.compile(r"\d+(?:\.\d+)+")


async def _nothing() -> None:
    """Most engines need no preparation."""


@dataclass(frozen=True)
class Launch:
    """The command of one component and what surrounds it."""

    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    stdin: bytes = b""
    # Started before and ended after the command, in the same environment.
    helpers: tuple[tuple[str, ...], ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    # Run before every start; raises StartError.
    prepare: Callable[[], Awaitable[None]] = _nothing
    clean_up: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Binary:
    """A server program that was found on this machine."""

    path: str
    version: str


class MissingBinaryError(Exception):
    """A server program is not installed; the message is one line that says how to get it."""


def version_of(program: str | Path) -> str | None:
    """What `--version` says; None if the program cannot be run."""
    try:
        output = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(output)
    return found.group() if found else None
