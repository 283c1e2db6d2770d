"""Files of records: JSON objects, one a line and appended when a run has ended, or one a file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gauntlet.core.errors import ConfigError

_BYTES_MAX = 64 * 2**20  # of a file that holds one record

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
    """Yield all records in their order; a last line that is cut off is ignored.

    ConfigError if the file cannot be read, or a line is no record.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"the records {file} cannot be read: {error.strerror}") from error
    lines = content.split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number == len(lines):  # without its line end: the process ended while writing it
                continue
            raise ConfigError(f"{file}:{number} must be a record of a run; got: {error}") from error


def read_whole(file: Path, kind: type[T], version: int, about: str, remedy: str) -> T:
    """Return the record that is the whole content of a file.

    ConfigError if it is not a record of this `schema_version`, or too large to be one. `about` says
    what the file must be, and `remedy` what to do with one of another version.
    """
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise ConfigError(f"{file} must have at most {_BYTES_MAX // 2**20} MiB")
        content = file.read_bytes()
        found = msgspec.json.decode(content, type=dict[str, Any]).get("schema_version")
        if found != version:
            raise ConfigError(
                f"{file} must have schema_version {version}; got {found!r:.40}. {remedy}"
            )
        return msgspec.json.decode(content, type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file} must be {about}: {error}") from error
