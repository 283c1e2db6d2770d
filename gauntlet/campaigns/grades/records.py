"""The records of the grades, and which cells have none that counts."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from gauntlet.campaigns import record_files
from gauntlet.campaigns.grades.systems import Cell, digest

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
    """Append a record."""
    record_files.append(file, record)


def read(file: Path) -> dict[str, Record]:
    """Return the last record of each cell."""
    return {record.cell: record for record in record_files.read(file, Record)}


def is_settled(cell: Cell, records: dict[str, Record]) -> bool:
    """Return whether a cell need not run again: it has a verdict, on the scenario of today."""
    record = records.get(cell.name)
    return record is not None and record.verdict in SETTLED and record.scenario == digest(cell)


def open_cells(cells: Iterable[Cell], records: dict[str, Record], *, again: bool) -> list[Cell]:
    """Return the cells to run."""
    return [cell for cell in cells if again or not is_settled(cell, records)]
