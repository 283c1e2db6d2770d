"""Typed NumPy arrays, and the operations on sorted 64-bit keys that all joins are made of.

A history has millions of records, so rows are joined by array operations. A key packs two 32-bit
numbers (`pair`) and is looked up by binary search in a sorted array (`find`, `contains`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Records = npt.NDArray[np.void]  # structured, with the fields of gauntlet.core.history.DTYPE

NEVER = int(np.iinfo(np.int64).max)  # the time in nanoseconds of what did not happen


def ints(column: npt.NDArray[Any]) -> Ints:
    """Return a column as signed 64-bit numbers, in which keys do not overflow."""
    return column.astype(np.int64)


def pair(high: npt.NDArray[Any], low: npt.NDArray[Any] | int) -> Ints:
    """Return one key for each two 32-bit numbers; keys sort by `high`, then by `low`."""
    return (ints(high) << 32) | (ints(low) if isinstance(low, np.ndarray) else low)


def contains(sorted_keys: Ints, keys: Ints) -> Bools:
    """Return which of `keys` occur in the sorted array `sorted_keys`."""
    found: Bools = find(sorted_keys, keys) >= 0
    return found


def find(sorted_keys: Ints, keys: Ints) -> Ints:
    """Return the index of each of `keys` in the sorted array `sorted_keys`, or -1."""
    if sorted_keys.size == 0:
        return np.full(keys.shape, -1, dtype=np.int64)
    index = np.searchsorted(sorted_keys, keys)
    index[index == sorted_keys.size] = 0
    return np.where(sorted_keys[index] == keys, index, -1)
