"""Rows within spans are counted as if one by one."""

import numpy as np
import pytest

from gauntlet.reports.checks._ranks import Rows, count_below, count_within
from gauntlet.reports.history.arrays import NEVER


def rows(*columns):
    return Rows(*(np.array(column, dtype=np.int64) for column in columns))


def one_by_one(known, spans):
    return [
        sum(
            key == own and begun > after and ended < before
            for own, begun, ended in zip(*known, strict=True)
        )
        for key, after, before in zip(*spans, strict=True)
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 64, 200])
def test_rows_are_counted_by_both_limits_and_their_key(size):
    random = np.random.default_rng(size)
    for most in (3, 50):
        begun = random.integers(0, most, size)
        known = rows(random.integers(0, 4, size) * 5, begun, begun + random.integers(0, most, size))
        spans = rows(
            random.integers(0, 5, 40) * 5,
            random.integers(-1, most + 1, 40),
            random.integers(-1, 2 * most + 1, 40),
        )
        assert count_within(known, spans).tolist() == one_by_one(known, spans)


def test_what_begins_or_ends_at_a_limit_is_outside():
    known = rows([1, 1, 1], [10, 11, 12], [20, 20, NEVER])
    spans = rows([1, 1, 1, 1, 2], [10, 9, 9, 12, 0], [21, 20, NEVER, NEVER, NEVER])
    assert count_within(known, spans).tolist() == [1, 0, 2, 0, 0]


def test_without_rows_or_spans_nothing_is_counted():
    nothing = rows([], [], [])
    assert count_within(nothing, rows([1], [0], [5])).tolist() == [0]
    assert count_within(rows([1], [0], [5]), nothing).tolist() == []


def test_numbers_below_a_limit_are_counted_in_spans():
    random = np.random.default_rng(1)
    for size in (1, 4, 5, 16, 31):
        numbers = random.permutation(size)
        first = random.integers(0, size + 1, 50)
        end = np.maximum(first, random.integers(0, size + 1, 50))
        limit = random.integers(0, size + 1, 50)
        expected = [
            int((numbers[begin:last] < least).sum())
            for begin, last, least in zip(first, end, limit, strict=True)
        ]
        assert count_below(numbers, first, end, limit).tolist() == expected
