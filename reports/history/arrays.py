"""Typed NumPy arrays, and the operations on sorted 64-bit keys that all joins are made of.

A history has millions of records, so rows are joined by array operations. A key packs two 32-bit
numbers (`pair`) and is looked up in a sorted array (`find`, `contains`).

NumPy sorts 64-bit numbers by comparison, but 16-bit numbers by their digits, which is faster even
if it takes several passes. `stable_order`, `distinct` and `grouped` sort in this way and return the
same as `np.lexsort` and `np.unique`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Records = npt.NDArray[np.void]  # structured, with the fields of gauntlet.core.history.DTYPE

NEVER = int(np.iinfo(np.int64).max)  # the time in nanoseconds of what did not happen

_DIGIT_BITS = 16
_DIGIT_MAX = (1 << _DIGIT_BITS) - 1
# How large a table may be for each key that is looked up in it.
_TABLE_SHARE = 4


def ints(column: npt.NDArray[Any]) -> Ints:
    """Return a column as signed 64-bit numbers, in which keys do not overflow."""
    return column.astype(np.int64)


def pair(high: npt.NDArray[Any], low: npt.NDArray[Any] | int) -> Ints:
    """Return one key for each two 32-bit numbers; keys sort by `high`, then by `low`."""
    return (ints(high) << 32) | (ints(low) if isinstance(low, np.ndarray) else low)


def is_any(kinds: npt.NDArray[np.uint8], chosen: Iterable[int]) -> Bools:
    """Return which of these small numbers are among the chosen ones."""
    table = np.zeros(256, dtype=np.bool_)
    table[list(chosen)] = True
    return table[kinds]


def stable_order(*columns: npt.NDArray[Any]) -> Ints:
    """Return the indices that sort rows by columns of whole numbers, by the first one foremost.

    Rows with the same numbers keep their order.
    """
    order = np.arange(columns[0].size)
    for column in reversed(columns):
        for digit in _digits(ints(column)):
            order = order.take(np.argsort(digit.take(order), kind="stable"))
    return order


def _digits(column: Ints) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield those 16 bits of a column in which rows differ, the lowest first."""
    if not column.size:
        return
    # Unsigned, because the distance of two 64-bit numbers can exceed 63 bits.
    distance = column.view(np.uint64) - np.uint64(int(column.min()) % (1 << 64))
    used = int(np.bitwise_or.reduce(distance))
    for shift in range(0, 64, _DIGIT_BITS):
        if used >> shift & _DIGIT_MAX:
            yield (distance >> np.uint64(shift)).astype(np.uint16)


class Groups(NamedTuple):
    """Rows with the same key: the sorted keys, the first row of each, and the group of each row."""

    keys: Ints
    first: Ints
    of_row: Ints


def grouped(keys: Ints) -> Groups:
    """Return the groups of rows with the same key."""
    order = stable_order(keys)
    ordered = keys.take(order)
    begins = np.ones(keys.size, dtype=np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    of_row = np.empty(keys.size, dtype=np.int64)
    of_row[order] = np.cumsum(begins) - 1
    return Groups(ordered[begins], order[begins], of_row)


def distinct(keys: Ints) -> Ints:
    """Return the distinct keys, sorted."""
    ordered = keys.take(stable_order(keys))
    begins = np.ones(keys.size, dtype=np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    return ordered[begins]


def contains(sorted_keys: Ints, keys: Ints) -> Bools:
    """Return which of `keys` occur in the sorted array `sorted_keys`."""
    found: Bools = find(sorted_keys, keys) >= 0
    return found


def find(sorted_keys: Ints, keys: Ints) -> Ints:
    """Return the first index of each of `keys` in the sorted array `sorted_keys`, or -1."""
    if sorted_keys.size == 0 or keys.size == 0:
        return np.full(keys.shape, -1, dtype=np.int64)
    # A shard has the numbers of one worker, so that most keys are looked up in a part of the array.
    bounds = np.array([keys.min(), keys.max()])
    begin = int(np.searchsorted(sorted_keys, bounds[0]))
    end = int(np.searchsorted(sorted_keys, bounds[1], side="right"))
    if begin == end:
        return np.full(keys.shape, -1, dtype=np.int64)
    known = sorted_keys[begin:end]
    if int(known[-1]) - int(known[0]) < _TABLE_SHARE * keys.size:
        return _find_in_table(known, keys, begin)
    index = np.searchsorted(sorted_keys, keys)
    index[index == sorted_keys.size] = 0
    return np.where(sorted_keys[index] == keys, index, -1)


def _find_in_table(known: Ints, keys: Ints, begin: int) -> Ints:
    """Return what `find` does, from a table with the index of each number; `begin` is the first."""
    first, last = known[0], known[-1]
    # The additional last entry is for keys outside of the table.
    table = np.full(int(last) - int(first) + 2, -1, dtype=np.int64)
    # Backwards, because the last assignment to an index is the one that remains.
    table[(known - first)[::-1]] = np.arange(begin, begin + known.size)[::-1]
    inside = (keys >= first) & (keys <= last)
    return table.take(np.where(inside, keys - first, -1))
