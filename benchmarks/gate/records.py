"""The records of the benchmark: runs that were made next to each other, and live gates."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from benchmarks.gate.subject import NAME
from gauntlet.campaigns import record_files
from gauntlet.campaigns.gate.outcome import Run

FOLDER = Path(__file__).resolve().parents[1] / "records"
RUNS, GATES = FOLDER / "gate.jsonl", FOLDER / "live_gates.jsonl"

Arm = Literal["first", "second", "slow"]
# The arms of a triple in the order of their runs. Every second triple is the mirror image, so that
# both pairs are neighbours, and each version is first in half of them.
ARMS: tuple[Arm, ...] = ("first", "second", "slow")


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a triple: equal systems are `first` and `second`, the slow one is `slow`.

    `seed` is the number of the triple, and the seed of its runs. `subject` is a digest of the load
    and the system. `load` is the load average of the machine at the end.
    """

    seed: int
    arm: Arm
    subject: str
    started: str
    seconds: float
    exit_code: int
    status: str
    unusable: str
    values: dict[str, float]
    load: float
    commit: str | None
    machine: dict[str, int | str | None]


class GateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One live gate: its change, its exit code, and the outcome of each comparison.

    `repository` is a digest of its suite, its scenario, and the changes.
    """

    change: str
    number: int
    repository: str
    command: str
    exit_code: int
    runs: int
    seconds: float
    comparisons: dict[str, str]
    reason: str
    started: str
    commit: str | None
    machine: dict[str, int | str | None]


class Pair(NamedTuple):
    """Two runs that were made one after the other."""

    reference: Run
    candidate: Run


def order(seed: int) -> tuple[Arm, ...]:
    """Return the arms of a triple in the order in which they run."""
    return ARMS if seed % 2 else ARMS[::-1]


def triples(records: Iterable[RunRecord], subject: str = "") -> list[dict[Arm, RunRecord]]:
    """Return the complete triples of a subject (default: that of the last record), by seed."""
    found = list(records)
    wanted = subject or (found[-1].subject if found else "")
    by_seed: dict[int, dict[Arm, RunRecord]] = {}
    for record in found:
        if record.subject == wanted:
            by_seed.setdefault(record.seed, {})[record.arm] = record
    return [triple for _, triple in sorted(by_seed.items()) if len(triple) == len(ARMS)]


def pairs(found: Iterable[dict[Arm, RunRecord]], reference: Arm, candidate: Arm) -> list[Pair]:
    """Return two arms of each triple as a gate would have them."""
    return [
        Pair(_run(triple[reference], "reference"), _run(triple[candidate], "candidate"))
        for triple in found
    ]


def equal(found: Iterable[dict[Arm, RunRecord]]) -> list[Pair]:
    """Return the pairs of equal versions."""
    return pairs(found, "first", "second")


def slower(found: Iterable[dict[Arm, RunRecord]]) -> list[Pair]:
    """Return the pairs whose candidate is the slow version."""
    return pairs(found, "second", "slow")


def gates_of_one_repository(records: Iterable[GateRecord]) -> list[GateRecord]:
    """Return the gates of the repository of the last record; the others decided something else."""
    found = list(records)
    return [each for each in found if each.repository == found[-1].repository]


def _run(record: RunRecord, version: Literal["candidate", "reference"]) -> Run:
    return Run(
        scenario=NAME,
        version=version,
        number=record.seed,
        exit_code=record.exit_code,
        status=record.status,
        reasons=(),
        path="",
        started=record.started,
        seconds=record.seconds,
        values=record.values,
        unusable=record.unusable,
    )


def read_runs(file: Path) -> list[RunRecord]:
    """Return all records of runs of a file."""
    return list(record_files.read(file, RunRecord))


def read_gates(file: Path) -> list[GateRecord]:
    """Return all records of live gates of a file."""
    return list(record_files.read(file, GateRecord))
