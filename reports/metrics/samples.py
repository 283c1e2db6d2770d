"""Latencies with the intended times of their messages, in 4 to 8 bytes each, and their percentiles.

A run may have 10^8 deliveries, so a sample must be small and its percentiles must still be exact.
Samples are therefore kept in *cells* of 2^32 ns, about four seconds of intended time. In a cell,
times and latencies are unsigned numbers of 32 bits, and the deliveries of one message share the
time. Latencies of more than 2^32 ns, and those of what never happened, are kept apart.

Percentiles of many samples are found by counting: first how many samples have each value of the
upper 16 bits, then how many of those with the upper bits of a wanted rank have each value of the
lower ones.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gauntlet.core.clock import NS_PER_MS
from gauntlet.reports.history.arrays import NEVER, Floats, Ints, ints, stable_order
from gauntlet.reports.metrics.windows import Span, Window

Words = npt.NDArray[np.uint32]

_CELL_BITS = 32
_CELL_NS = 1 << _CELL_BITS
# Latencies from here on are kept apart: they have no word, or are not finite.
_LONG_NS = _CELL_NS - 1
_LOW_BITS = 16
_LOW_MAX = (1 << _LOW_BITS) - 1
# Fewer samples than this are sorted at once.
_COUNTED_MIN = 1 << 17
_CHUNK = 1 << 19


@dataclass(frozen=True)
class Bounds:
    """The range of a percentile."""

    lower: float
    upper: float

    @property
    def exact(self) -> bool:
        """Whether the percentile is known exactly."""
        return self.lower == self.upper


@dataclass(frozen=True)
class Cell:
    """The samples of the messages intended from `start_ns` on, sorted by their times.

    `offset_ns` is when each message was intended, counted from the start. `ends` has the index
    behind the last latency of each message, and is None where each message has one.
    """

    start_ns: int
    offset_ns: Words
    ends: Words | None
    took_ns: Words

    def between(self, start_ns: int, end_ns: int) -> Words:
        """Return the latencies of the messages intended in a span."""
        return self.took_ns[self.place(start_ns, end_ns)]

    def place(self, start_ns: int, end_ns: int) -> slice:
        """Return where the latencies of the messages intended in a span are."""
        first, last = self._before(start_ns), self._before(end_ns)
        return slice(self._begin(first), self._begin(max(first, last)))

    def intended_ns(self, at: Ints) -> Ints:
        """Return the intended times of the latencies with these indices, which ascend."""
        message = at if self.ends is None else np.searchsorted(self.ends, at, side="right")
        return self.start_ns + ints(self.offset_ns[message])

    def counts(self) -> Ints:
        """Return how many latencies each message has."""
        if self.ends is None:
            return np.ones(self.offset_ns.size, dtype=np.int64)
        return np.diff(ints(self.ends), prepend=0)

    def _before(self, t_ns: int) -> int:
        """Return how many messages were intended before a time."""
        offset = t_ns - self.start_ns
        if offset <= 0:
            return 0
        if offset >= _CELL_NS:
            return int(self.offset_ns.size)
        # A word, because NumPy would convert the whole column for a larger type.
        return int(np.searchsorted(self.offset_ns, np.uint32(offset)))

    def _begin(self, message: int) -> int:
        """Return the index of the first latency of a message."""
        return message if self.ends is None or message == 0 else int(self.ends[message - 1])


@dataclass(frozen=True)
class LongSamples:
    """Latencies that need more than a word, sorted by intended time.

    `took_ns` is NEVER for what did not happen, and `age_ns` is then how long it was waited for,
    NEVER if it was refused. For all others, both are the latency.
    """

    intended_ns: Ints
    took_ns: Ints
    age_ns: Ints


@dataclass(frozen=True)
class Selection:
    """The samples of some spans of intended time.

    `age_ns` differs from `long_ns` for what had not happened when the clients stopped waiting.
    """

    pieces: tuple[Words, ...]
    long_ns: Ints
    age_ns: Ints

    @property
    def size(self) -> int:
        """How many samples there are."""
        return self._words + int(self.long_ns.size)

    @property
    def censored(self) -> int:
        """How many samples are known by their age only."""
        return int((self.long_ns != self.age_ns).sum())

    @property
    def finite(self) -> int:
        """How many samples are of something that happened."""
        return self.size - int((self.long_ns == NEVER).sum())

    def count_above(self, limit_ms: float) -> int:
        """Return how many latencies are longer than a limit."""
        words = sum(int((chunk / NS_PER_MS > limit_ms).sum()) for chunk in _chunks(self.pieces))
        return words + int((_ms(self.long_ns) > limit_ms).sum())

    def histogram(self, bins_of: Callable[[Floats], Ints]) -> Ints:
        """Return how many finite latencies are in each bin, of which `bins_of` returns the numbers.

        Longer latencies must not have lower numbers. Most latencies share the bin of all that have
        the same upper bits, so that these are counted instead.
        """
        finite = bins_of(self.long_ns[self.long_ns != NEVER] / NS_PER_MS)
        if self._words < _COUNTED_MIN:
            words = [bins_of(piece / NS_PER_MS) for piece in self.pieces]
            return np.bincount(np.concatenate([finite, *words]))
        upper = np.flatnonzero(self._of_upper)
        low, high = (bins_of(((upper << _LOW_BITS) + end) / NS_PER_MS) for end in (0, _LOW_MAX))
        alike = np.bincount(low, np.where(low == high, self._of_upper[upper], 0))
        apart = np.zeros(self._of_upper.size, dtype=np.bool_)
        apart[upper[low != high]] = True
        chosen = (chunk[apart[chunk >> _LOW_BITS]] for chunk in _chunks(self.pieces))
        others = (np.bincount(bins_of(words / NS_PER_MS)) for words in chosen)
        counts = [np.bincount(finite), alike, *others]
        total = np.zeros(max(each.size for each in counts), dtype=np.int64)
        for each in counts:
            total[: each.size] += ints(each)
        return total

    def percentile(self, quantile: float) -> float | None:
        """Return the nearest-rank percentile, None without samples."""
        return self.percentiles((quantile,))[0]

    def percentiles(self, quantiles: Sequence[float]) -> list[float | None]:
        """Return several nearest-rank percentiles, for which the samples are read only once."""
        return self._percentiles(self.long_ns, quantiles)

    def bounds(self, quantiles: Sequence[float]) -> list[Bounds | None]:
        """Return the ranges of percentiles if some samples are censored, None without samples."""
        lower = self._percentiles(self.age_ns, quantiles)
        upper = lower if not self.censored else self.percentiles(quantiles)
        return [
            None if low is None or high is None else Bounds(low, high)
            for low, high in zip(lower, upper, strict=True)
        ]

    def second_largest(self) -> float | None:
        """Return the lower bound that two samples reach, None with less than two samples."""
        return self._at_ranks(self.age_ns, [self.size - 2])[0] if self.size > 1 else None

    @cached_property
    def _words(self) -> int:
        return sum(piece.size for piece in self.pieces)

    @cached_property
    def _of_upper(self) -> Ints:
        """How many words have each value of the upper bits."""
        counts = np.zeros(_CELL_NS >> _LOW_BITS, dtype=np.int64)
        for chunk in _chunks(self.pieces):
            counts += np.bincount(chunk >> _LOW_BITS, minlength=counts.size)
        return counts

    def _percentiles(self, long_ns: Ints, quantiles: Sequence[float]) -> list[float | None]:
        if self.size == 0:
            return [None] * len(quantiles)
        ranks = [max(0, math.ceil(quantile * self.size) - 1) for quantile in quantiles]
        return [*self._at_ranks(long_ns, ranks)]

    def _at_ranks(self, long_ns: Ints, ranks: Sequence[int]) -> list[float]:
        """Return the samples with these ranks, of the words and the others together."""
        further = long_ns < _LONG_NS  # ages may be short
        others = np.sort(long_ns[~further])
        words = self.size - others.size
        found = self._words_at(long_ns[further].astype(np.uint32), [r for r in ranks if r < words])
        sorted_ms = _ms(others)
        return [
            found[rank] / NS_PER_MS if rank < words else float(sorted_ms[rank - words])
            for rank in ranks
        ]

    def _words_at(self, further: Words, ranks: Sequence[int]) -> dict[int, int]:
        """Return the words with these ranks, of the pieces and some further words."""
        wanted = np.array(sorted(set(ranks)), dtype=np.int64)
        if not wanted.size:
            return {}
        if self._words < _COUNTED_MIN:
            found = np.partition(np.concatenate([further, *self.pieces]), wanted)[wanted]
        else:
            found = self._counted(further, wanted)
        return dict(zip(wanted.tolist(), found.tolist(), strict=True))

    def _counted(self, further: Words, ranks: Ints) -> Ints:
        """Return the words with these ranks, of the pieces and some further words.

        Their upper bits follow from the counts. The lower bits of all words that share these are
        counted as well: most words may be alike, and must not be in memory a second time.
        """
        of_upper = self._of_upper + np.bincount(further >> _LOW_BITS, minlength=self._of_upper.size)
        ends = np.cumsum(of_upper)
        uppers, row = np.unique(np.searchsorted(ends, ranks, side="right"), return_inverse=True)
        chosen = np.zeros(ends.size, dtype=np.bool_)
        chosen[uppers] = True
        first_of_upper = np.zeros(ends.size, dtype=np.int64)
        first_of_upper[uppers] = np.arange(uppers.size) << _LOW_BITS
        counts = np.zeros(uppers.size << _LOW_BITS, dtype=np.int64)
        for chunk in _chunks((*self.pieces, further)):
            alike = chunk[chosen[chunk >> _LOW_BITS]]
            keys = first_of_upper[alike >> _LOW_BITS] + (alike & _LOW_MAX)
            np.add.at(counts, keys, 1)
        within = ranks - (ends - of_upper)[uppers][row]
        lows = np.cumsum(counts.reshape(uppers.size, -1), axis=1)
        low = [
            np.searchsorted(lows[at], rank, side="right")
            for at, rank in zip(row, within, strict=True)
        ]
        return (uppers[row] << _LOW_BITS) + np.array(low, dtype=np.int64)


@dataclass(frozen=True)
class Samples:
    """Latencies by the intended times of their messages; the cells are in the order of time."""

    cells: tuple[Cell, ...]
    long: LongSamples

    @property
    def size(self) -> int:
        """How many samples there are."""
        return sum(cell.took_ns.size for cell in self.cells) + int(self.long.took_ns.size)

    def within(self, window: Window) -> Selection:
        """Return the samples of the messages of a window, which are kept for further questions."""
        spans = tuple(window.spans())
        if spans not in self._windows:
            self._windows[spans] = self._select(spans)
        return self._windows[spans]

    def between(self, start_ns: int, end_ns: int) -> Selection:
        """Return the samples of the messages intended from a time on, and before another."""
        return self._select([(start_ns, end_ns)])

    def slower(self, limit_ms: float, within: Span = (-NEVER, NEVER)) -> tuple[Ints, Floats]:
        """Return (intended time, latency) of what happened, but took longer than a limit.

        The messages were intended in the span `within`.
        """
        times: list[Ints] = []
        took: list[Floats] = []
        for cell in self.cells:
            place = cell.place(*within)
            took_ms = cell.took_ns[place] / NS_PER_MS
            slow = np.flatnonzero(took_ms > limit_ms)
            times.append(cell.intended_ns(slow + place.start))
            took.append(took_ms[slow])
        long = slice(*np.searchsorted(self.long.intended_ns, within))
        long_ms = _ms(self.long.took_ns[long])
        slow = np.flatnonzero((long_ms > limit_ms) & np.isfinite(long_ms))
        return (
            np.concatenate([*times, self.long.intended_ns[long][slow]]),
            np.concatenate([*took, long_ms[slow]]),
        )

    def rows(self) -> tuple[Ints, Floats, Floats]:
        """Return the intended time of each sample, its latency, and the lower bound of that.

        What is short comes first, and is sorted by time; so is the rest.
        """
        times = [
            cell.start_ns + np.repeat(ints(cell.offset_ns), cell.counts()) for cell in self.cells
        ]
        words = [cell.took_ns / NS_PER_MS for cell in self.cells]
        return (
            np.concatenate([*times, self.long.intended_ns]),
            np.concatenate([*words, _ms(self.long.took_ns)]),
            np.concatenate([*words, _ms(self.long.age_ns)]),
        )

    @cached_property
    def _windows(self) -> dict[tuple[Span, ...], Selection]:
        return {}

    def _select(self, spans: Sequence[Span]) -> Selection:
        pieces = (cell.between(*span) for cell in self.cells for span in spans)
        long = [slice(*np.searchsorted(self.long.intended_ns, span)) for span in spans]
        none = np.empty(0, dtype=np.int64)
        return Selection(
            tuple(piece for piece in pieces if piece.size),
            np.concatenate([none, *(self.long.took_ns[part] for part in long)]),
            np.concatenate([none, *(self.long.age_ns[part] for part in long)]),
        )


def collect(
    intended_ns: Ints, took_ns: Ints, age_ns: Ints | None = None, *, shared: bool = False
) -> Samples:
    """Return samples; with `shared`, those of one message follow each other.

    `took_ns` is NEVER for what did not happen; see `LongSamples` for `age_ns`.
    """
    long = np.flatnonzero(took_ns >= _LONG_NS)
    ages = took_ns if age_ns is None else age_ns
    late = by_time(intended_ns[long], took_ns[long], ages[long])
    if long.size:
        short = np.flatnonzero(took_ns < _LONG_NS)
        intended_ns, took_ns = intended_ns[short], took_ns[short]
    took = took_ns.astype(np.uint32)
    if not shared:
        if (intended_ns[1:] < intended_ns[:-1]).any():
            order = stable_order(intended_ns)
            intended_ns, took = intended_ns.take(order), took.take(order)
        return Samples(tuple(_cut(intended_ns, None, took)), late)
    begins = np.flatnonzero(np.append(True, np.diff(intended_ns) != 0)[: intended_ns.size])
    counts = np.diff(begins, append=intended_ns.size)
    order = stable_order(intended_ns.take(begins))
    begins, counts = begins.take(order), counts.take(order)
    took = took.take(ragged(begins, counts))
    return Samples(tuple(_cut(intended_ns.take(begins), np.cumsum(counts), took)), late)


def _cut(intended_ns: Ints, ends: Ints | None, took_ns: Words) -> Iterator[Cell]:
    """Yield the cells of sorted samples."""
    cell = intended_ns >> _CELL_BITS
    firsts = [*np.flatnonzero(np.diff(cell, prepend=cell[:1] - 1)).tolist(), cell.size]
    for first, last in pairwise(firsts):
        start_ns = int(cell[first]) << _CELL_BITS
        offset_ns = (intended_ns[first:last] - start_ns).astype(np.uint32)
        if ends is None:
            yield Cell(start_ns, offset_ns, None, took_ns[first:last])
        else:
            begin = int(ends[first - 1]) if first else 0
            own = (ends[first:last] - begin).astype(np.uint32)
            yield Cell(start_ns, offset_ns, own, took_ns[begin : int(ends[last - 1])])


def ragged(begins: Ints, counts: Ints) -> Ints:
    """Return the indices from each begin on, as many as its count."""
    offsets = np.repeat(begins - (np.cumsum(counts) - counts), counts)
    return offsets + np.arange(offsets.size)


def by_time(intended_ns: Ints, took_ns: Ints, age_ns: Ints) -> LongSamples:
    order = np.argsort(intended_ns, kind="stable")
    return LongSamples(intended_ns[order], took_ns[order], age_ns[order])


def _ms(t_ns: Ints) -> Floats:
    return np.where(t_ns == NEVER, math.inf, t_ns / NS_PER_MS)


def _chunks(pieces: Iterable[Words]) -> Iterator[Words]:
    for piece in pieces:
        for begin in range(0, piece.size, _CHUNK):
            yield piece[begin : begin + _CHUNK]
