"""Reads the history shards of a run and compares their sizes with what the load declared."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import DTYPE, RECORD_BYTES, Kind, worker_of_shard
from gauntlet.core.run_directory import NUMBERS_PER_WORKER, RunDir
from gauntlet.reports.history.arrays import ColumnarRecords, Records, ints, joined_records
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.times import order
from gauntlet.reports.history.times.clock_alignment import ClockAlignment

# 2.6 MB, which fit into the cache of a core.
CHUNK_RECORDS = 1 << 16

Shard = tuple[int, str, int]  # its worker, its name, and how many records it has to hold


def read_records(
    run: RunDir,
    reconciliations: list[dict[str, Any]],
    lost: Container[int] = (),
    clocks: ClockAlignment | None = None,
) -> Records:
    """Return all records of a run; those of one conversation are in the order of their times.

    Shards of the workers `lost` are left out, and times are converted to the master's clock.
    Raises HistoryError if no worker reconciled, if a shard belongs to no worker that did, if a
    shard holds more or fewer records than its worker declared, or if it is not in order of time.
    """
    clocks = clocks or ClockAlignment()
    declared = declared_shards(run, reconciliations, lost)
    shards = {name: _read_shard(run, name, count) for name, count in declared.items()}
    found = {name: order.descents([records]) for name, records in shards.items()}
    if problem := order.disorder(found):
        raise HistoryError(problem)
    return joined_records(align(name, records, clocks) for name, records in shards.items())


def declared_shards(
    run: RunDir, reconciliations: list[dict[str, Any]], lost: Container[int]
) -> dict[str, int]:
    """Return how many records each shard has to hold, sorted by the names of the shards.

    HistoryError if no worker reconciled, or if a shard belongs to no worker that did.
    """
    if not reconciliations:
        raise HistoryError("no load worker reconciled, so the history is incomplete")
    declared: dict[str, int] = {}
    for row in reconciliations:
        declared |= row["records"]
    present = {file.name for file in run.history.glob("*.bin")}
    for name in sorted(present - declared.keys()):
        if worker_of_shard(name) not in lost:
            raise HistoryError(f"history shard {name} belongs to no worker that reconciled")
    return dict(sorted(declared.items()))


def examine(run: RunDir, shards: Sequence[Shard]) -> Iterator[order.Descents | str]:
    """Yield how often the times of each shard go back, or a clause on its damage."""
    for shard in shards:
        try:
            yield order.descents(checked_chunks(run, shard))
        except HistoryError as error:
            yield str(error)


def without_damaged_workers(
    run: RunDir,
    events: Events,
    examined: Callable[[RunDir, Sequence[Shard]], Iterator[order.Descents | str]] = examine,
) -> Events:
    """Return the events with each worker as lost whose part of the history is damaged.

    A conversation is recorded by one worker, so those of the others can be judged. If no worker is
    whole, nothing changes, and reading the history raises a HistoryError with the damage.
    `examined` is `examine`, or does the same in several processes.
    """
    shards: list[Shard] = [
        (int(row["worker"]), name, count)
        for row in events.reconciliations
        for name, count in sorted(row["records"].items())
    ]
    problems: dict[int, str] = {}
    steps: dict[int, dict[str, order.Descents]] = {}
    for (worker, name, _), found in zip(shards, examined(run, shards), strict=True):
        if isinstance(found, str):
            problems.setdefault(worker, found)
        else:
            steps.setdefault(worker, {})[name] = found
    for worker, of_worker in steps.items():
        if problem := order.disorder(of_worker):
            problems.setdefault(worker, problem)
    damaged = {
        worker: f"The history of worker {worker} is damaged: {problems[worker]}"
        for worker in dict.fromkeys(int(row["worker"]) for row in events.reconciliations)
        if worker in problems
    }
    whole = tuple(row for row in events.reconciliations if row["worker"] not in damaged)
    if not damaged or not whole:
        return events
    return replace(events, reconciliations=whole, lost=events.lost | damaged)


def checked_chunks(run: RunDir, shard: Shard) -> Iterator[Records]:
    """Yield the chunks of a shard; HistoryError if it is damaged."""
    worker, name, count = shard
    yield from _of_worker(worker, chunks_of(shard_file(run, name, count)), name)


def _of_worker(worker: int, chunks: Iterable[Records], name: str) -> Iterator[Records]:
    """Yield chunks of a shard; HistoryError at a connection that is not one of its worker."""
    for chunk in chunks:
        records = chunk.view(ColumnarRecords)  # because several columns are read more than once
        links = records["link"]
        first = worker * NUMBERS_PER_WORKER
        strange = (links > 0) & ((links < first) | (links >= first + NUMBERS_PER_WORKER))
        if strange.any():
            link = int(links[strange][0])
            raise HistoryError(
                f"history shard {name} has link {link:,}, which is not one of this worker"
            )
        yield records


def chunks_of(file: Path, chunk: int = 0, only: Iterable[int] | None = None) -> Iterator[Records]:
    """Yield the records of a shard chunk by chunk, because a mapped file counts as memory.

    With `only`, these are the chunks with some numbers, counted from 0.
    """
    chunk = chunk or CHUNK_RECORDS
    for number in range(count_chunks(file, chunk)) if only is None else only:
        offset = number * chunk * RECORD_BYTES
        yield np.fromfile(file, dtype=np.dtype(DTYPE), count=chunk, offset=offset)


def count_chunks(file: Path, chunk: int = 0) -> int:
    """Return how many chunks a shard has."""
    size = file.stat().st_size // RECORD_BYTES if file.is_file() else 0
    return -(-size // (chunk or CHUNK_RECORDS))


def shard_file(run: RunDir, name: str, count: int) -> Path:
    """Return the file of a shard; HistoryError if it does not hold `count` records."""
    file = run.history / name
    if file.is_symlink():
        raise HistoryError(f"history shard {name} must be a regular file; got a symbolic link")
    size = file.stat().st_size if file.is_file() else 0
    if size != count * RECORD_BYTES:
        raise HistoryError(
            f"history shard {name} holds {size / RECORD_BYTES:g} records, "
            f"but its worker declared {count}"
        )
    return file


def _read_shard(run: RunDir, name: str, count: int) -> Records:
    file = shard_file(run, name, count)
    if count == 0:
        return np.empty(0, dtype=np.dtype(DTYPE))
    return np.memmap(file, dtype=np.dtype(DTYPE), mode="r")


def align(name: str, records: Records, clocks: ClockAlignment) -> Records:
    """Return a shard with times of the master's clock; a `ref_ns` of 0 and an id are no times."""
    worker = worker_of_shard(name)
    if worker not in clocks.measured:
        return records
    aligned = joined_records([records])
    lead_ns = clocks.lead_ns(worker, ints(records["t_ns"]))
    aligned["t_ns"] -= lead_ns
    no_time = (aligned["ref_ns"] == 0) | (aligned["kind"] == Kind.NAMED)
    aligned["ref_ns"] -= np.where(no_time, 0, lead_ns)
    return aligned
