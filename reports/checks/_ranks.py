"""Counts rows by two limits at once, in a time that grows with the number of rows times its log.

It is used where most of what is counted is as it should be: nothing has to be listed row by row.
"""

from typing import NamedTuple

import numpy as np

from gauntlet.reports.history.arrays import Ints, find, grouped, pair, stable_order


class Rows(NamedTuple):
    """Rows with a key, and the times at which each of them began and ended."""

    key: Ints
    begun_ns: Ints
    ended_ns: Ints


def count_within(rows: Rows, spans: Rows) -> Ints:
    """Return how many rows with the key of each span began after its begin, and ended before it."""
    counts = np.zeros(spans.key.size, dtype=np.int64)
    keys, _, number = grouped(rows.key)
    key = find(keys, spans.key)
    known = np.flatnonzero(key >= 0)
    begun_ns = np.sort(rows.begun_ns)
    place = pair(number, np.searchsorted(begun_ns, rows.begun_ns))
    order = stable_order(place)
    place = place[order]
    after = np.searchsorted(begun_ns, spans.begun_ns[known], side="right")
    first = np.searchsorted(place, pair(key[known], after))
    end = np.searchsorted(place, pair(key[known] + 1, 0))
    by_end = stable_order(rows.ended_ns)
    rank = np.empty_like(by_end)
    rank[by_end] = np.arange(by_end.size)
    limit = np.searchsorted(rows.ended_ns[by_end], spans.ended_ns[known])
    counts[known] = count_below(rank[order], first, end, limit)
    return counts


def count_below(numbers: Ints, first: Ints, end: Ints, limit: Ints) -> Ints:
    """Return how many of the numbers from `first` to before `end` are below each limit.

    No number or limit is larger than the number of rows. Bit by bit, from the highest one, the rows
    are divided by it, in their order (a wavelet matrix), and each span follows those that have the
    higher bits of its limit. Those that branch off below are counted.
    """
    counts = np.zeros(first.size, dtype=np.int64)
    for bit in reversed(range(int(numbers.size).bit_length())):
        has_bit = (numbers >> bit) & 1 == 1
        zeros = np.append(0, np.cumsum(~has_bit))
        zeros_first, zeros_end = zeros[first], zeros[end]
        above = (limit >> bit) & 1 == 1
        counts += np.where(above, zeros_end - zeros_first, 0)
        first = np.where(above, zeros[-1] + first - zeros_first, zeros_first)
        end = np.where(above, zeros[-1] + end - zeros_end, zeros_end)
        numbers = np.concatenate([numbers[~has_bit], numbers[has_bit]])
    return counts
