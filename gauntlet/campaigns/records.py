"""The records of a campaign: one JSON object a line, appended when a run has ended."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gauntlet.campaigns.systems import Cell, digest
from gauntlet.core.errors import ConfigError

# The verdicts that a repetition is not expected to change.
SETTLED = frozenset({"pass", "warn", "fail"})


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one run. `scenario` is the digest of what was run."""

    system: str
    configuration: str
    experiment: str
    server: str
    commit: str | None
    seed: int
    scenario: str
    verdict: str
    exit_code: int
    grades: dict[str, str]
    counts: dict[str, int]
    violations: list[str]
    unknown: list[str]
    command: str
    date: str

    @property
    def cell(self) -> str:
        """The name of its cell."""
        return f"{self.system}/{self.configuration}/{self.experiment}"


def append(file: Path, record: Record) -> None:
    """Append a record and write it to disk; a line that a crash cut off before is ended first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    torn = file.exists() and not file.read_bytes().endswith(b"\n") and file.stat().st_size > 0
    with file.open("ab") as stream:
        stream.write((b"\n" if torn else b"") + msgspec.json.encode(record) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def read(file: Path) -> dict[str, Record]:
    """Return the last record of each cell; a last line that is cut off is ignored."""
    if not file.exists():
        return {}
    found: dict[str, Record] = {}
    lines = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = msgspec.json.decode(line, type=Record)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number == len(lines):  # without its line end: the process ended while writing it
                continue
            raise ConfigError(f"{file}:{number} must be a record of a run; got: {error}") from error
        found[record.cell] = record
    return found


def is_settled(cell: Cell, records: dict[str, Record]) -> bool:
    """Return whether a cell need not run again: it has a verdict, on the scenario of today."""
    record = records.get(cell.name)
    return record is not None and record.verdict in SETTLED and record.scenario == digest(cell)


def open_cells(cells: Iterable[Cell], records: dict[str, Record], *, again: bool) -> list[Cell]:
    """Return the cells to run."""
    return [cell for cell in cells if again or not is_settled(cell, records)]
