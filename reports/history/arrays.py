"""Typed NumPy arrays, and the operations on sorted 64-bit keys that all joins are made of.

A history has millions of records, so rows are joined by array operations. A key packs two 32-bit
numbers (`pair`) and is looked up in a sorted array (`find`, `contains`).

NumPy sorts 64-bit numbers by comparison, which takes 40 to 90 ns for each. Most keys need no
comparison. The numbers of a part of a history lie close together, so that there is a `Grid` of all
keys between the lowest and the highest, and a table with one entry for each of them is small.
`distinct`, `grouped` and `find` use such a table where they can, with the results of `np.unique`.
`stable_order` sorts by digits of 16 bits, for which NumPy counts instead of comparing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gauntlet.core.history import DTYPE, RECORD_BYTES

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Records = npt.NDArray[np.void]  # structured, with the fields of gauntlet.core.history.DTYPE

NEVER = int(np.iinfo(np.int64).max)  # the time in nanoseconds of what did not happen

_LOW = 0xFFFFFFFF
_KEY_BITS = 62
_DIGIT_BITS = 16
_WORD_BITS = 64
# How large a table may be for each key: of marks of one byte, and of indices.
_MARKS_SHARE = 64
_INDICES_SHARE = 16
# How many entries a table may have, however many keys there are: 128 MB of indices.
_PLACES_MAX = 1 << 24


class ColumnarRecords(np.ndarray[Any, np.dtype[np.void]]):
    """Records that keep a copy of each column that was read, whose values are next to each other.

    In the records, they are 40 bytes apart, and the checks read the same columns many times. As the
    copies would not follow a change of the records, they cannot be written.
    """

    _columns: dict[str, npt.NDArray[Any]]

    def __array_finalize__(self, source: object) -> None:
        self._columns = {}

    def __getitem__(self, key: Any) -> Any:
        """Return a column by its name, and otherwise what an array of records returns."""
        if not isinstance(key, str):
            return self.view(np.ndarray)[key]
        if key not in self._columns:
            column = np.array(self.view(np.ndarray)[key])
            column.setflags(write=False)
            self._columns[key] = column
        return self._columns[key]


def joined_records(pieces: Iterable[Records]) -> Records:
    """Return the records of some arrays one after another, in a new array.

    They are copied as bytes: NumPy copies structured records field by field, which takes 25 times
    as long.
    """
    as_bytes = np.dtype((np.void, RECORD_BYTES))
    raw = [piece.view(np.ndarray).view(as_bytes) for piece in pieces]
    joined: Records = np.concatenate([np.empty(0, as_bytes), *raw]).view(np.dtype(DTYPE))
    return joined


def ints(column: npt.NDArray[Any]) -> Ints:
    """Return a column as signed 64-bit numbers, in which keys do not overflow.

    It is the column itself if it has such numbers already, so the result must not be changed.
    """
    return column.astype(np.int64, copy=False)


def pair(high: npt.NDArray[Any], low: npt.NDArray[Any] | int) -> Ints:
    """Return one key for each two 32-bit numbers; keys sort by `high`, then by `low`."""
    keys: Ints = np.left_shift(high, 32, dtype=np.int64)
    # In place, because a further array costs as much as the operation.
    keys |= low
    return keys


def is_any(kinds: npt.NDArray[np.uint8], chosen: Iterable[int]) -> Bools:
    """Return which of these small numbers are among the chosen ones."""
    adjacent = np.ascontiguousarray(kinds)
    found = np.zeros(kinds.shape, dtype=np.bool_)
    for number in chosen:
        found |= equal(adjacent, number)
    return found


def equal(column: npt.NDArray[Any], value: int) -> Bools:
    """Return which small numbers of a column equal a value.

    NumPy compares with a member of an enumeration only after it has converted all to 64 bits, which
    takes 15 times as long.
    """
    found: Bools = column == int(value)
    return found


def has_flag(flags: npt.NDArray[np.uint8], flag: int) -> Bools:
    """Return which have one of the bits of a flag at least."""
    found: Bools = flags & int(flag) != 0
    return found


def stable_order(*columns: npt.NDArray[Any]) -> Ints:
    """Return the indices that sort rows by columns of whole numbers, by the first one foremost.

    Rows with the same numbers keep their order.
    """
    order: Ints | None = None
    for digit in _digits(columns):
        if order is None:
            order = np.argsort(digit, kind="stable")
        else:
            order = order.take(np.argsort(digit.take(order), kind="stable"))
    return np.arange(columns[0].size) if order is None else order


def _digits(columns: Sequence[npt.NDArray[Any]]) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield rows of columns as digits of 16 bits, the lowest first.

    Only bits in which rows differ are part of them: the fields of all columns are packed.
    """
    word: npt.NDArray[np.uint64] | None = None
    used = 0
    for values, bits in _fields(columns):
        if word is None or used + bits > _WORD_BITS:
            if word is not None:
                yield from _digits_of(word, used)
            word, used = values, bits
        else:
            word = word | (values << np.uint64(used))
            used += bits
    if word is not None:
        yield from _digits_of(word, used)


def _fields(columns: Sequence[npt.NDArray[Any]]) -> Iterator[tuple[npt.NDArray[np.uint64], int]]:
    """Yield the fields of rows, the lowest first, each with its number of bits.

    A field is a column, or half of one whose numbers are far apart; it counts from its minimum.
    """
    for column in reversed(columns):
        keys = ints(column)
        if not keys.size:
            return
        lowest, highest = int(keys.min()), int(keys.max())
        if highest - lowest <= _LOW:
            yield from _field(keys, lowest, highest)
            continue
        for half in (keys & _LOW, keys >> 32):
            yield from _field(half, int(half.min()), int(half.max()))


def _field(keys: Ints, lowest: int, highest: int) -> Iterator[tuple[npt.NDArray[np.uint64], int]]:
    """Yield the field of some keys, unless all are the same."""
    if bits := (highest - lowest).bit_length():
        yield (keys - lowest).view(np.uint64), bits


def _digits_of(word: npt.NDArray[np.uint64], bits: int) -> Iterator[npt.NDArray[np.uint16]]:
    for shift in range(0, bits, _DIGIT_BITS):
        yield (word >> np.uint64(shift) if shift else word).astype(np.uint16)


class Grid(NamedTuple):
    """All keys (high, low) with both halves in a range, numbered in their order from 0.

    `high` and `low` are the lowest halves; there are `rows` high ones, and `width` low ones.
    """

    high: int
    low: int
    rows: int
    width: int

    @classmethod
    def around(cls, keys: Ints, share: int) -> "Grid | None":
        """Return the grid around some keys, None if it has more than `share` places for each."""
        found = cls.numbered(keys, share)
        return found and found[0]

    @classmethod
    def numbered(cls, keys: Ints, share: int) -> "tuple[Grid, Ints] | None":
        """Return the grid around some keys, and their numbers in it.

        It never has more than `_PLACES_MAX` places, so that the tables of a very large room are not
        larger than everything else that is known of it.
        """
        places = min(share * keys.size, _PLACES_MAX)
        if not keys.size:
            return None
        lowest, highest = int(keys.min()), int(keys.max())
        if highest - lowest > places << 32:
            return None
        rows = (highest >> 32) - (lowest >> 32) + 1
        if rows == 1:
            grid = cls(lowest >> 32, lowest & _LOW, 1, highest - lowest + 1)
            return (grid, keys - lowest) if grid.size <= places else None
        low = keys & _LOW
        first_low, width = int(low.min()), int(low.max()) - int(low.min()) + 1
        if rows * width > places:
            return None
        numbers = keys >> 32
        numbers *= width
        numbers += low
        numbers -= (lowest >> 32) * width + first_low
        return cls(lowest >> 32, first_low, rows, width), numbers

    @property
    def size(self) -> int:
        """How many places the grid has."""
        return self.rows * self.width

    def keys(self, numbers: Ints) -> Ints:
        """Return the keys with these numbers."""
        first = (self.high << 32) + self.low
        if self.rows == 1:
            return numbers + first
        keys = numbers // self.width
        keys *= (1 << 32) - self.width  # what lies between two rows has no number
        keys += numbers
        keys += first
        return keys

    def places(self, keys: Ints) -> Ints:
        """Return the numbers of keys; `size` for those that are not in the grid."""
        # A negative number is a large one without its sign.
        if self.rows == 1:
            numbers = keys - ((self.high << 32) + self.low)
            outside = numbers.view(np.uint64) >= np.uint64(self.width)
        else:
            low = keys & _LOW
            low -= self.low
            outside = low.view(np.uint64) >= np.uint64(self.width)
            numbers = keys >> 32
            numbers -= self.high
            outside |= numbers.view(np.uint64) >= np.uint64(self.rows)
            numbers *= self.width
            numbers += low
        if outside.any():
            numbers[outside] = self.size
        return numbers


class Groups(NamedTuple):
    """Rows with the same key: the sorted keys, the first row of each, and the group of each row."""

    keys: Ints
    first: Ints
    of_row: Ints


def grouped(keys: Ints) -> Groups:
    """Return the groups of rows with the same key."""
    numbered = Grid.numbered(keys, _INDICES_SHARE)
    if numbered is None:
        return _grouped_by_sorting(keys)
    grid, numbers = numbered
    marked = marks(numbers, grid.size)
    found = np.flatnonzero(marked)
    of_row = _ranks(marked).take(numbers)
    first = np.empty(found.size, dtype=np.int64)
    # Backwards, because the last assignment to an index is the one that remains.
    first[of_row[::-1]] = np.arange(keys.size)[::-1]
    return Groups(grid.keys(found), first, of_row)


def _grouped_by_sorting(keys: Ints) -> Groups:
    order = stable_order(keys)
    ordered = keys.take(order)
    begins = _begins(ordered)
    of_row = np.empty(keys.size, dtype=np.int64)
    of_row[order] = np.cumsum(begins) - 1
    at = np.flatnonzero(begins)
    return Groups(ordered.take(at), order.take(at), of_row)


def _ranks(marked: Bools) -> Ints:
    """Return for each marked place how many are marked before it."""
    ranks = np.cumsum(marked, dtype=np.int64)
    ranks -= 1
    return ranks


def group_numbers(keys: Ints) -> Ints:
    """Return the group of each row: how many distinct keys are less than its own."""
    numbered = Grid.numbered(keys, _INDICES_SHARE)
    if numbered is None:
        return _grouped_by_sorting(keys).of_row
    grid, numbers = numbered
    return _ranks(marks(numbers, grid.size)).take(numbers)


def counted(keys: Ints) -> tuple[Ints, Ints]:
    """Return the distinct keys, sorted, and how many rows each has."""
    numbered = Grid.numbered(keys, _INDICES_SHARE)
    if numbered is None:
        groups = _grouped_by_sorting(keys)
        return groups.keys, ints(np.bincount(groups.of_row))
    grid, numbers = numbered
    counts = np.bincount(numbers, minlength=grid.size)
    found = np.flatnonzero(counts)
    return grid.keys(found), ints(counts[found])


def sorted_groups(*columns: npt.NDArray[Any]) -> tuple[Ints, Bools]:
    """Return the order of rows by some columns, and which rows in it begin a group.

    Rows with the same numbers are a group. They keep their order.
    """
    order = stable_order(*columns)
    begins = np.zeros(order.size, dtype=np.bool_)
    begins[:1] = True
    for column in columns:
        ordered = column.take(order)
        begins[1:] |= ordered[1:] != ordered[:-1]
    return order, begins


def first_rows(keys: Ints) -> tuple[Ints, Ints]:
    """Return the distinct keys, sorted, and the first row of each."""
    if bool((keys[1:] > keys[:-1]).all()):
        return keys, np.arange(keys.size)
    numbered = Grid.numbered(keys, _INDICES_SHARE)
    if numbered is None:
        order = stable_order(keys)
        ordered = keys.take(order)
        at = np.flatnonzero(_begins(ordered))
        return ordered.take(at), order.take(at)
    grid, numbers = numbered
    first = np.full(grid.size, -1, dtype=np.int64)
    first[numbers[::-1]] = np.arange(keys.size)[::-1]
    found = np.flatnonzero(first >= 0)
    return grid.keys(found), first.take(found)


def distinct(keys: Ints) -> Ints:
    """Return the distinct keys, sorted."""
    numbered = Grid.numbered(keys, _MARKS_SHARE)
    if numbered is not None:
        grid, numbers = numbered
        return grid.keys(np.flatnonzero(marks(numbers, grid.size)))
    ordered = keys.take(stable_order(keys))
    return ordered.take(np.flatnonzero(_begins(ordered)))


def marks(numbers: Ints, size: int) -> Bools:
    """Return which numbers below `size` occur among these."""
    found = np.zeros(size, dtype=np.bool_)
    found[numbers] = True
    return found


def _begins(ordered: Ints) -> Bools:
    """Return which sorted keys differ from the key before."""
    begins = np.ones(ordered.size, dtype=np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    return begins


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
    if np.array_equal(known, keys) and bool((known[1:] > known[:-1]).all()):
        return np.arange(begin, end)  # as for the deliveries of a history without losses
    # The table may be larger than for `known` alone, since a search takes time for each of `keys`.
    share = 1 + _INDICES_SHARE * keys.size // known.size
    grid = Grid.around(known, share)
    if grid is not None:
        return _find_in_table(grid, known, keys, begin)
    index = np.searchsorted(sorted_keys, keys)
    # A key above all others is compared with the last one.
    return np.where(sorted_keys.take(index, mode="clip") == keys, index, -1)


def _find_in_table(grid: Grid, known: Ints, keys: Ints, begin: int) -> Ints:
    """Return what `find` does, from a table with the index of each key; `begin` is the first."""
    # The additional last entry is for keys outside of the grid.
    table = np.full(grid.size + 1, -1, dtype=np.int64)
    # Backwards, because the last assignment to an index is the one that remains.
    table[grid.places(known)[::-1]] = np.arange(begin, begin + known.size)[::-1]
    return table.take(grid.places(keys))


def earliest_from(group: Ints, t_ns: Ints) -> Ints:
    """Return the earliest time from each row on, among the rows of its group.

    Rows are sorted by group. One backward scan serves all groups: each number that it compares
    consists of a group and a time, so that it begins again at the end of each group.
    """
    known = t_ns.compress(t_ns != NEVER)
    if not known.size:
        return t_ns
    first_ns = int(known.min())
    never = int(known.max()) - first_ns + 1
    if (never + 1).bit_length() + int(group.max()).bit_length() > _KEY_BITS:
        times, _, rank = grouped(t_ns)
        return times[earliest_from(group, rank)]
    begins = group * (never + 1)
    numbers = np.minimum(t_ns, first_ns + never) - first_ns + begins
    found = np.minimum.accumulate(numbers[::-1])[::-1] - begins
    return np.where(found == never, NEVER, found + first_ns)
