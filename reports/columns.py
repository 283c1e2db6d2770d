"""History shards as one NumPy array, held against what the load says it wrote."""

from typing import Any

import numpy as np
import numpy.typing as npt

from gauntlet.kernel.errors import HistoryError
from gauntlet.kernel.history import DTYPE, RECORD_BYTES
from gauntlet.kernel.rundir import RunDir

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Records = npt.NDArray[np.void]

NEVER = int(np.iinfo(np.int64).max)


def read(run: RunDir, reconciliations: list[dict[str, Any]]) -> Records:
    """All records of a run; those of one conversation stand in the order in which they happened.

    HistoryError if a worker did not reconcile, or a shard holds more or less than it said.
    """
    if not reconciliations:
        raise HistoryError("no load worker reconciled: the history is incomplete")
    declared: dict[str, int] = {}
    for row in reconciliations:
        declared |= row["records"]
    found = {file.name for file in run.history.glob("*.bin")}
    strangers = sorted(found - declared.keys())
    if strangers:
        raise HistoryError(f"history shard {strangers[0]} belongs to no worker that reconciled")
    shards = [_shard(run, name, count) for name, count in sorted(declared.items())]
    return np.concatenate([np.empty(0, dtype=np.dtype(DTYPE)), *shards])


def _shard(run: RunDir, name: str, count: int) -> Records:
    file = run.history / name
    size = file.stat().st_size if file.is_file() else 0
    if size != count * RECORD_BYTES:
        raise HistoryError(
            f"history shard {name} holds {size / RECORD_BYTES:g} records, its worker wrote {count}"
        )
    if size == 0:
        return np.empty(0, dtype=np.dtype(DTYPE))
    return np.memmap(file, dtype=np.dtype(DTYPE), mode="r")


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
