"""History shards as one NumPy array, held against what the load says it wrote."""

from collections.abc import Container
from typing import Any

import numpy as np
import numpy.typing as npt

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import DTYPE, RECORD_BYTES, worker_of_shard
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.history.workers import Clocks

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Records = npt.NDArray[np.void]

NEVER = int(np.iinfo(np.int64).max)


def read(
    run: RunDir,
    reconciliations: list[dict[str, Any]],
    lost: Container[int] = (),
    clocks: Clocks | None = None,
) -> Records:
    """All records of a run; those of one conversation stand in the order in which they happened.

    Shards of `lost` workers are left out, and times are laid on the master's clock. HistoryError if
    nobody reconciled, or if a shard holds more or less than its worker said.
    """
    if not reconciliations:
        raise HistoryError("no load worker reconciled: the history is incomplete")
    declared: dict[str, int] = {}
    for row in reconciliations:
        declared |= row["records"]
    found = {file.name for file in run.history.glob("*.bin")}
    strangers = sorted(found - declared.keys())
    for name in strangers:
        if worker_of_shard(name) not in lost:
            raise HistoryError(f"history shard {name} belongs to no worker that reconciled")
    clocks = clocks or Clocks()
    shards = [_shard(run, name, count, clocks) for name, count in sorted(declared.items())]
    return np.concatenate([np.empty(0, dtype=np.dtype(DTYPE)), *shards])


def _shard(run: RunDir, name: str, count: int, clocks: Clocks) -> Records:
    file = run.history / name
    size = file.stat().st_size if file.is_file() else 0
    if size != count * RECORD_BYTES:
        raise HistoryError(
            f"history shard {name} holds {size / RECORD_BYTES:g} records, its worker wrote {count}"
        )
    if size == 0:
        return np.empty(0, dtype=np.dtype(DTYPE))
    records = np.memmap(file, dtype=np.dtype(DTYPE), mode="r")
    worker = worker_of_shard(name)
    return _laid(records, worker, clocks) if worker in clocks.measured else records


def _laid(records: Records, worker: int, clocks: Clocks) -> Records:
    """The records with the times of the master's clock; a reference of 0 is no time."""
    laid = np.array(records)
    lead_ns = clocks.lead_ns(worker, ints(records["t_ns"]))
    laid["t_ns"] -= lead_ns
    laid["ref_ns"] -= np.where(laid["ref_ns"] == 0, 0, lead_ns)
    return laid


def ints(column: npt.NDArray[Any]) -> Ints:
    """A column as signed 64-bit numbers, in which keys can be built without overflow."""
    return column.astype(np.int64)


def pair(high: npt.NDArray[Any], low: npt.NDArray[Any] | int) -> Ints:
    """One key of two 32-bit numbers; keys sort by `high`, then by `low`."""
    return (ints(high) << 32) | (ints(low) if isinstance(low, np.ndarray) else low)


def contains(ordered: Ints, wanted: Ints) -> Bools:
    """Which of `wanted` are in the sorted array `ordered`."""
    found: Bools = find(ordered, wanted) >= 0
    return found


def find(ordered: Ints, wanted: Ints) -> Ints:
    """The index of each of `wanted` in the sorted array `ordered`, or -1."""
    if ordered.size == 0:
        return np.full(wanted.shape, -1, dtype=np.int64)
    at = np.searchsorted(ordered, wanted)
    at[at == ordered.size] = 0
    return np.where(ordered[at] == wanted, at, -1)
