"""Adds up samples of several kinds whose messages are mostly the same, with their times only once.

Of each send, three latencies are known: until it was handed over, until it was acknowledged, and in
between. Its deliveries have further ones. All share the intended time, unless one is too long for a
cell, an arrival was missed, or nothing is expected to be delivered.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from gauntlet.reports.history.arrays import Ints, ints, stable_order
from gauntlet.reports.metrics.samples import Cell, LongSamples, Samples, by_time, collect, ragged


class Column:
    """Whole numbers that are appended to each other, with as many bytes as the largest needs.

    They grow in place: neither lists of small arrays nor a copy of everything are in memory.
    """

    def __init__(self) -> None:
        self._data: npt.NDArray[np.unsignedinteger] = np.empty(0, dtype=np.uint8)
        self._size = 0

    @property
    def values(self) -> npt.NDArray[np.unsignedinteger]:
        """The numbers."""
        return self._data[: self._size]

    def append(self, values: npt.NDArray[np.unsignedinteger]) -> None:
        """Add numbers without a sign."""
        if values.dtype.itemsize > self._data.dtype.itemsize:
            self._data = self._data.astype(values.dtype)
        size = self._size + values.size
        if size > self._data.size:
            # In large steps, but not by half: what is not needed yet is memory as well.
            self._data.resize(size + size // 32, refcheck=False)
        self._data[self._size : size] = values
        self._size = size


class _Table:
    """The samples of a cell, of the kinds that have the same messages in it.

    `counts` has how many latencies of a kind each message has, and None where each has one.
    """

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._offset_ns = Column()
        self._counts = [None if cell.ends is None else Column() for cell in cells]
        self._took_ns = [Column() for _ in cells]

    def add(self, cells: Sequence[Cell]) -> None:
        """Add the samples of a part, of each of the kinds."""
        self._offset_ns.append(cells[0].offset_ns)
        for counts, took_ns, cell in zip(self._counts, self._took_ns, cells, strict=True):
            took_ns.append(cell.took_ns)
            if counts is not None:
                of_message = cell.counts()
                counts.append(of_message.astype(np.min_scalar_type(of_message.max(initial=0))))

    def sorted(self, start_ns: int) -> Iterator[Cell]:
        """Yield the cell of each kind; all have the same array of times."""
        order = stable_order(self._offset_ns.values)
        times = self._offset_ns.values.take(order)
        for counts, took_ns in zip(self._counts, self._took_ns, strict=True):
            if counts is None:
                yield Cell(start_ns, times, None, took_ns.values.take(order))
                continue
            of_message = ints(counts.values)
            begins = (np.cumsum(of_message) - of_message).take(order)
            of_message = of_message.take(order)
            ends = np.cumsum(of_message).astype(np.uint32)
            yield Cell(start_ns, times, ends, took_ns.values.take(ragged(begins, of_message)))


class SharedTimes:
    """Samples of some kinds, of which each part of a history has some."""

    def __init__(self, kinds: int) -> None:
        # By the start of a cell, and by which kinds have the same messages in it.
        self._tables: dict[tuple[int, tuple[int, ...]], _Table] = {}
        self._long: list[list[LongSamples]] = [[] for _ in range(kinds)]

    def add(self, samples: Sequence[Samples]) -> None:
        """Add the samples of a part, of each kind."""
        by_start: dict[int, dict[int, Cell]] = {}
        for kind, each in enumerate(samples):
            self._long[kind].append(each.long)
            for cell in each.cells:
                by_start.setdefault(cell.start_ns, {})[kind] = cell
        for start_ns, cells in by_start.items():
            for kinds in _with_the_same_times(cells):
                own = [cells[kind] for kind in kinds]
                if (start_ns, kinds) not in self._tables:
                    self._tables[start_ns, kinds] = _Table(own)
                self._tables[start_ns, kinds].add(own)

    def samples(self) -> list[Samples]:
        """Return the samples of all parts, of each kind."""
        cells: list[dict[int, list[Cell]]] = [{} for _ in self._long]
        for start_ns, kinds in sorted(self._tables):
            # Its columns are forgotten, so that only one cell is in memory twice.
            table = self._tables.pop((start_ns, kinds))
            for kind, cell in zip(kinds, table.sorted(start_ns), strict=True):
                cells[kind].setdefault(start_ns, []).append(cell)
        return [
            Samples(tuple(map(_united, of_kind.values())), _joined(long))
            for of_kind, long in zip(cells, self._long, strict=True)
        ]


def _with_the_same_times(cells: dict[int, Cell]) -> list[tuple[int, ...]]:
    """Return groups of kinds whose cells have the same messages."""
    groups: list[list[int]] = []
    for kind, cell in cells.items():
        times = cell.offset_ns
        for group in groups:
            known = cells[group[0]].offset_ns
            if times is known or np.array_equal(times, known):
                group.append(kind)
                break
        else:
            groups.append([kind])
    return [tuple(group) for group in groups]


def _united(cells: Sequence[Cell]) -> Cell:
    """Return one cell with the samples of several that have the same start."""
    if len(cells) == 1:
        return cells[0]
    none = np.empty(0, dtype=np.int64)
    together = SharedTimes(1)
    for cell in cells:
        together.add([Samples((cell,), collect(none, none).long)])
    return together.samples()[0].cells[0]


def _joined(long: Sequence[LongSamples]) -> LongSamples:
    """Return the long samples of all parts."""
    none = np.empty(0, dtype=np.int64)

    def column(name: str) -> Ints:
        return np.concatenate([none, *(getattr(each, name) for each in long)])

    return by_time(column("intended_ns"), column("took_ns"), column("age_ns"))
