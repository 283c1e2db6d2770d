"""Builds the library that shifts wall clocks, and tries whether it works on this machine."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

from gauntlet.chaos.clocks.clock_file import ClockFile
from gauntlet.core.errors import StackError

COMPILERS = ("cc", "gcc", "clang")
VARIABLE = "GAUNTLET_WALL_CLOCK"
INSTALL = "install one; on Debian and Ubuntu: apt-get install gcc libc6-dev"
_SOURCE = "wall_clock.c"
_TIMEOUT_S = 60.0
_TRIAL_S = 86_400.0
_TRIAL = "import time; print(time.time() > {wall}, time.monotonic() < {monotonic})"


def build(folder: Path) -> Path:
    """Build the library in a folder and try it; return its path.

    Raises StackError, which says why wall clocks cannot be shifted here and what to do about it.
    """
    if sys.platform != "linux" or sys.maxsize < 2**32:
        raise StackError("the wall clock of a process can be shifted on 64-bit Linux only")
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise StackError(
            f"the wall clock of a process is shifted by a small library, and there is no C "
            f"compiler ({', '.join(COMPILERS)}) to build it; {INSTALL}"
        )
    library = folder / "wall_clock.so"
    with as_file(files("gauntlet.chaos.clocks") / _SOURCE) as source:
        options = ["-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
        _run([compiler, *options], "the library that shifts wall clocks cannot be built")
    library.chmod(0o644)  # components may run as another user
    _try(library)
    return library


def environment(library: Path, clock: ClockFile) -> dict[str, str]:
    """Return the variables with which a program reads the wall clock of a file."""
    preloaded = [str(library), *filter(None, [os.environ.get("LD_PRELOAD")])]
    return {"LD_PRELOAD": ":".join(preloaded), VARIABLE: str(clock.path)}


def unavailable() -> str:
    """Return why wall clocks cannot be shifted here, after trying it; empty if they can."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            build(Path(folder))
        except StackError as error:
            return str(error)
    return ""


def _try(library: Path) -> None:
    """Run a process whose wall clock, and no other one, is a day ahead; StackError if it is not."""
    clock = ClockFile(library.with_name("trial"))
    clock.shift(_TRIAL_S)
    code = _TRIAL.format(wall=time.time() + _TRIAL_S / 2, monotonic=time.monotonic() + _TRIAL_S / 2)
    failed = "a process that preloads the library does not see a shifted wall clock"
    answer = _run([sys.executable, "-I", "-S", "-c", code], failed, environment(library, clock))
    if answer.split() != ["True", "True"] or not clock.readings():
        raise StackError(f"{failed}: {answer.strip()}")
    clock.path.unlink()


def _run(command: list[str], failed: str, environ: dict[str, str] | None = None) -> str:
    """Return what a command prints; StackError, which begins with `failed`, if it fails."""
    try:
        return subprocess.run(
            command,
            env={**os.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise StackError(f"{failed}: {' '.join(lines[-2:])}") from error
