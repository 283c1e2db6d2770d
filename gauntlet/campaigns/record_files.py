"""Files of records: one JSON object a line, appended when a run has ended."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from gauntlet.core.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)


def append(file: Path, record: msgspec.Struct) -> None:
    """Append a record and write it to disk; a line that a crash cut off before is ended first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    torn = file.exists() and not file.read_bytes().endswith(b"\n") and file.stat().st_size > 0
    with file.open("ab") as stream:
        stream.write((b"\n" if torn else b"") + msgspec.json.encode(record) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def read(file: Path, kind: type[T]) -> Iterator[T]:
    """Yield all records in their order; a last line that is cut off is ignored."""
    if not file.exists():
        return
    lines = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number == len(lines):  # without its line end: the process ended while writing it
                continue
            raise ConfigError(f"{file}:{number} must be a record of a run; got: {error}") from error
