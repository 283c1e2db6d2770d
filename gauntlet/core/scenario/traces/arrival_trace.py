"""Read a trace of recorded arrivals: a header, then one number per line.

A trace with several columns, and a JSONL file, also describe the messages (`message_trace`). Here,
the header `offset_s` means that each number is the time of one message, in seconds from the start
of the recording, in ascending order. `rate_per_s` means that each number is the number of messages
in one second. Blank lines and everything after a `#` are ignored.
"""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.model import Load, RecordedProfile
from gauntlet.core.scenario.traces import message_trace
from gauntlet.core.scenario.traces.message_trace import Messages

COLUMNS = ("offset_s", "rate_per_s")
ROWS_MAX = 200_000
BYTES_MAX = 32_000_000
_SHOWN_CHARACTERS = 40


class Trace(NamedTuple):
    """The numbers of a trace; `column`, one of `COLUMNS`, says what they mean.

    `messages` describes the message of each row, where the trace does.
    """

    column: str
    values: tuple[float, ...]
    messages: Messages | None = None


def trace_of(load: Load) -> Trace | None:
    """Return the trace of a load with a recorded profile, None for other profiles; ConfigError."""
    profile = load.profile
    return read(Path(profile.file)) if isinstance(profile, RecordedProfile) else None


def read(file: Path) -> Trace:
    """Read the trace of a file; a ConfigError names the file, the line, and what is wrong there."""
    try:
        size_bytes = file.stat().st_size
        if size_bytes > BYTES_MAX:
            raise ConfigError(
                f"the trace {file} must have at most {BYTES_MAX:,} bytes; got {size_bytes:,}"
            )
        # Spreadsheets write a byte order mark.
        with file.open(encoding="utf-8-sig") as stream:
            text = stream.read(BYTES_MAX + 1)  # a device without end has no size
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the trace {file} cannot be read: {error}") from error
    if len(text) > BYTES_MAX:
        raise ConfigError(f"the trace {file} must have at most {BYTES_MAX:,} bytes; got more")
    return parse(text, str(file))


def parse(text: str, name: str) -> Trace:
    """Parse the trace of a text; `name` stands for the file in error messages."""
    if message_trace.describes(text, name):
        offsets_s, messages = message_trace.parse(text, name, ROWS_MAX)
        return Trace("offset_s", offsets_s, messages)
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


def to_builtins(trace: Trace) -> dict[str, Any]:
    """Return what load.json contains of a trace: with texts, only where they are and a digest.

    Texts are private, so that each process of the load reads them from the file.
    """
    messages = trace.messages
    if messages is not None and messages.texts:
        return {"file": messages.file, "sha256": _digest(trace)}
    plain: dict[str, Any] = {"column": trace.column, "values": trace.values}
    return plain if messages is None else plain | {"messages": list(messages)}


def from_builtins(plain: dict[str, Any]) -> Trace:
    """Return the trace that load.json describes; ConfigError if its file is missing or another."""
    if "file" in plain:
        trace = read(Path(plain["file"]))
        if _digest(trace) != plain["sha256"]:
            raise ConfigError(f"the trace {plain['file']} must be the same file on every host")
        return trace
    messages = plain.get("messages")
    return Trace(
        str(plain["column"]),
        tuple(float(value) for value in plain["values"]),
        None if messages is None else msgspec.convert(messages, Messages),
    )


def _digest(trace: Trace) -> str:
    return hashlib.sha256(msgspec.json.encode(trace)).hexdigest()


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
