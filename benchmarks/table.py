"""The result table: what was measured, its target, and its ratio within the same run."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import psutil

HEADER = ("row", "what", "measured", "target", "ratio in this run", "")
PACKAGES = ("uvloop", "uvicorn", "websockets", "asyncpg", "aio-pika", "redis", "msgspec", "picows")


class Row(NamedTuple):
    """One row of the table; `met` is None if there is no target."""

    name: str
    what: str
    measured: str
    target: str = ""
    ratio: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the table."""
        verdict = {None: "", True: "reached", False: "missed"}[self.met]
        return (*self[:5], verdict)


def markdown(rows: Sequence[Row]) -> str:
    """Return the table for the documentation."""
    lines = [HEADER, ("---",) * len(HEADER), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return "\n".join(padded)


def machine() -> str:
    """Return a line that describes the machine and the versions in use."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{psutil.cpu_count()} cores ({platform.machine()}), {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, {packages}; "
        f"load average at the end {psutil.getloadavg()[0]:.1f}"
    )
