"""Read a trace of recorded arrivals: a header, then one number per line.

The header `offset_s` means that each number is the time of one message, in seconds from the start
of the recording, in ascending order. `rate_per_s` means that each number is the number of messages
in one second. Blank lines and everything after a `#` are ignored.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Load, RecordedProfile

COLUMNS = ("offset_s", "rate_per_s")
ROWS_MAX = 200_000
_BYTES_MAX = 8_000_000
_SHOWN_CHARACTERS = 40


class Trace(NamedTuple):
    """The numbers of a trace; `column`, one of `COLUMNS`, says what they mean."""

    column: str
    values: tuple[float, ...]


def of(load: Load) -> Trace | None:
    """Return the trace of a load with a recorded profile, None for other profiles; ConfigError."""
    profile = load.profile
    return read(Path(profile.file)) if isinstance(profile, RecordedProfile) else None


def read(file: Path) -> Trace:
    """Read the trace of a file; a ConfigError names the file, the line, and what is wrong there."""
    try:
        size_bytes = file.stat().st_size
        if size_bytes > _BYTES_MAX:
            raise ConfigError(
                f"the trace {file} must have at most {_BYTES_MAX:,} bytes; got {size_bytes:,}"
            )
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the trace {file} cannot be read: {error}") from error
    return parse(text, str(file))


def parse(text: str, name: str) -> Trace:
    """Parse the trace of a text; `name` stands for the file in error messages."""
    rows = _rows(text)
    line, column = next(rows, (1, ""))
    if column not in COLUMNS:
        allowed = " or ".join(COLUMNS)
        raise ConfigError(f"{name}:{line}: the header must be {allowed}; got {_shown(column)}")
    values: list[float] = []
    for line, cell in rows:
        if len(values) == ROWS_MAX:
            raise ConfigError(f"{name}:{line}: the trace must have at most {ROWS_MAX:,} rows")
        try:
            values.append(_value(cell, column, values[-1] if values else 0.0))
        except ValueError as error:
            raise ConfigError(f"{name}:{line}: {column} {error}") from error
    if not values:
        raise ConfigError(f"{name}:{line}: the trace must have at least one row; got none")
    if column == "rate_per_s" and not any(values):
        raise ConfigError(f"{name}:{line}: at least one rate must be above 0; got only zeros")
    return Trace(column, tuple(values))


def _rows(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty without their comment, each with its number."""
    for number, line in enumerate(text.splitlines(), 1):
        if cell := line.partition("#")[0].strip():
            yield number, cell


def _value(cell: str, column: str, previous: float) -> float:
    """Return the number of a row; the text of the ValueError completes "offset_s …"."""
    least = previous if column == "offset_s" else 0.0
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not least <= value < math.inf:
        order = ", because offsets ascend" if least else ""
        raise ValueError(f"must be a number of {least:g} or more{order}; got {_shown(cell)}")
    return value


def _shown(cell: str) -> str:
    return repr(cell[:_SHOWN_CHARACTERS])
