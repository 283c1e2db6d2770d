"""The records of `make bench-load`: what has been measured is not measured again."""

import datetime as dt
import hashlib
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.load.options import Options
from benchmarks.table import Row, machine
from gauntlet.builds import PARTS
from gauntlet.campaigns import record_files
from gauntlet.runner import manifest

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "benchmarks" / "records" / "load.jsonl"


class OutOfTime(Exception):
    """There is no time left in which another measurement may begin."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One window of a generator; `way` is how it was paced. `failure` is why there is none."""

    who: str
    way: str
    cpu_us: float = 0.0
    rate_per_s: float = 0.0
    loop_ms: float = 0.0
    missing: int = 0
    lag_p99_ms: float = 0.0
    failure: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured at a time: a round of windows in one cell, or the rows of another kind.

    A round is written when it is complete, because only windows of one round are comparable.
    `subject` is a digest of the code, the machine and the options.
    """

    subject: str
    commit: str | None
    date: str
    machine: str
    row: str
    cell: str = ""
    connections: int = 0
    rate_per_s: float = 0.0  # of ours
    windows: list[Window] = []
    rows: list[Row] = []


class Book:
    """The records of one subject in a file; new ones are appended."""

    def __init__(self, file: Path, subject: str, ends_s: float = math.inf) -> None:
        self._file = file
        self._subject = subject
        self._ends_s = ends_s  # on the monotonic clock
        self._commit = manifest.commit_of(ROOT)
        self.records = [each for each in read(file) if each.subject == subject]

    def rounds(self, cell: str) -> list[Record]:
        """Return the complete rounds of a cell."""
        return [each for each in self.records if each.row == "round-trip" and each.cell == cell]

    def has_rows(self, row: str) -> bool:
        """Return whether the rows of another kind have been measured."""
        return any(each.row == row for each in self.records)

    def require_time(self) -> None:
        """Raise OutOfTime if nothing more may begin."""
        if time.monotonic() >= self._ends_s:
            raise OutOfTime

    def add_round(
        self, cell: str, connections: int, rate_per_s: float, windows: list[Window]
    ) -> None:
        """Append a complete round."""
        self._add(
            Record(
                **self._about("round-trip"),
                cell=cell,
                connections=connections,
                rate_per_s=rate_per_s,
                windows=windows,
            )
        )

    def add_rows(self, row: str, rows: list[Row]) -> None:
        """Append the rows of another kind."""
        self._add(Record(**self._about(row), rows=rows))

    def _about(self, row: str) -> dict[str, Any]:
        date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M")
        about = {"subject": self._subject, "commit": self._commit, "date": date, "row": row}
        return {**about, "machine": machine()}

    def _add(self, record: Record) -> None:
        record_files.append(self._file, record)
        self.records.append(record)


def read(file: Path) -> list[Record]:
    """Return all records of a file, the oldest first."""
    return list(record_files.read(file, Record))


def latest(records: Sequence[Record]) -> list[Record]:
    """Return the records of the subject that was measured last."""
    return [each for each in records if each.subject == records[-1].subject]


def subject(options: Options) -> str:
    """Return a digest of what measurements must have in common: code, machine and options."""
    parts = [
        *(manifest.commit_of(ROOT), manifest.machine(), [str(part.current()) for part in PARTS]),
        *(options.seconds, options.connections, options.peers, options.run_mode, options.stack),
    ]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:12]
