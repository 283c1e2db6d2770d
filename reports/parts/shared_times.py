"""Adds up samples of several kinds whose messages are mostly the same, with their times only once.

Of each send, three latencies are known: until it was handed over, until it was acknowledged, and in
between. They share the intended time, unless one is too long for a cell or an arrival was missed.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from gauntlet.reports.history.arrays import stable_order
from gauntlet.reports.metrics.samples import Builder, Cell, Column, Samples, collect


class SharedTimes:
    """Samples of some kinds, in cells of which each part has the same messages or is kept apart."""

    def __init__(self, kinds: int) -> None:
        self._cells: dict[int, tuple[Column, list[Column]]] = {}
        self._apart = [Builder() for _ in range(kinds)]

    def add(self, samples: Sequence[Samples]) -> None:
        """Add the samples of a part, of each kind."""
        by_start = [{cell.start_ns: cell for cell in each.cells} for each in samples]
        shared = {start_ns for start_ns in by_start[0] if _have_same_times(by_start, start_ns)}
        for start_ns in shared:
            if start_ns not in self._cells:
                self._cells[start_ns] = Column(), [Column() for _ in samples]
            offset_ns, took_ns = self._cells[start_ns]
            offset_ns.append(by_start[0][start_ns].offset_ns)
            for column, cells in zip(took_ns, by_start, strict=True):
                column.append(cells[start_ns].took_ns)
        for builder, each in zip(self._apart, samples, strict=True):
            others = tuple(cell for cell in each.cells if cell.start_ns not in shared)
            builder.add(Samples(others, each.long))

    def samples(self) -> list[Samples]:
        """Return the samples of all parts, of each kind."""
        shared = [self._sorted(start_ns) for start_ns in sorted(self._cells)]
        apart = (builder.samples() for builder in self._apart)
        return [
            Samples(tuple(_united(cells, each.cells)), each.long)
            for cells, each in zip(
                zip(*shared, strict=True) if shared else ((),) * len(self._apart),
                apart,
                strict=True,
            )
        ]

    def _sorted(self, start_ns: int) -> list[Cell]:
        """Return a cell of each kind, and forget its columns."""
        offset_ns, took_ns = self._cells.pop(start_ns)
        order = stable_order(offset_ns.values)
        times = offset_ns.values.take(order)
        return [Cell(start_ns, times, None, column.values.take(order)) for column in took_ns]


def _have_same_times(by_start: Sequence[dict[int, Cell]], start_ns: int) -> bool:
    """Return whether the cells of all kinds have the same messages."""
    first = by_start[0][start_ns].offset_ns
    others = (cells.get(start_ns) for cells in by_start[1:])
    return all(other is not None and np.array_equal(first, other.offset_ns) for other in others)


def _united(cells: Sequence[Cell], others: Sequence[Cell]) -> Iterator[Cell]:
    """Yield cells in the order of time; of two with the same start, all samples."""
    known = {cell.start_ns: cell for cell in cells}
    further = {cell.start_ns: cell for cell in others}
    none = np.empty(0, dtype=np.int64)
    for start_ns in sorted({*known, *further}):
        own = [each[start_ns] for each in (known, further) if start_ns in each]
        if len(own) == 1:
            yield own[0]
            continue
        builder = Builder()
        for cell in own:
            builder.add(Samples((cell,), collect(none, none).long))
        yield from builder.samples().cells
