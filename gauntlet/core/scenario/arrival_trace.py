"""Reads a trace: recorded arrivals, one number a line under a header that says which.

`offset_s`: when each message was sent, in seconds from the start of the recording, ascending.
`rate_per_s`: how many messages each second had. Blank lines, and what follows a `#`, are left out.
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
    """`column` is one of `COLUMNS`; the values ascend if they are offsets."""

    column: str
    values: tuple[float, ...]


def of(load: Load) -> Trace | None:
    """The trace that a load is recorded in; ConfigError if it cannot be read any more."""
    profile = load.profile
    return read(Path(profile.file)) if isinstance(profile, RecordedProfile) else None


def read(file: Path) -> Trace:
    """The trace of a file; a ConfigError names file, line, what was found and what is allowed."""
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise ConfigError(f"{file}: found more than {_BYTES_MAX:,} bytes; allowed: fewer")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    return parse(text, str(file))


def parse(text: str, name: str) -> Trace:
    """The trace of a text; `name` stands for the file in errors."""
    rows = _rows(text)
    line, column = next(rows, (1, ""))
    if column not in COLUMNS:
        raise _error(name, line, column, f"a header: {' or '.join(COLUMNS)}")
    values: list[float] = []
    for line, cell in rows:
        if len(values) == ROWS_MAX:
            raise _error(name, line, cell, f"at most {ROWS_MAX:,} rows")
        values.append(_value(name, line, cell, column, values[-1] if values else 0.0))
    if not values or (column == "rate_per_s" and not any(values)):
        raise _error(name, line, "no arrivals", f"at least one row of {column}")
    return Trace(column, tuple(values))


def _rows(text: str) -> Iterator[tuple[int, str]]:
    """Every line that says something, with its number."""
    for number, line in enumerate(text.splitlines(), 1):
        if cell := line.partition("#")[0].strip():
            yield number, cell


def _value(name: str, line: int, cell: str, column: str, before: float) -> float:
    least = before if column == "offset_s" else 0.0
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not least <= value < math.inf:
        kind = "an offset in seconds" if column == "offset_s" else "a rate per second"
        raise _error(name, line, cell, f"{kind}, a number of {least:g} or more")
    return value


def _error(name: str, line: int, found: str, allowed: str) -> ConfigError:
    return ConfigError(f"{name}:{line}: found {found[:_SHOWN_CHARACTERS]!r}; allowed: {allowed}")
