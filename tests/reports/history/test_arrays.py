"""The sorting and searching of keys returns what NumPy's own functions return."""

from itertools import pairwise

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, RECORD_BYTES, Flag, Kind
from gauntlet.reports.history import arrays
from gauntlet.reports.history.arrays import (
    NEVER,
    ColumnarRecords,
    Grid,
    Ints,
    contains,
    counted,
    distinct,
    earliest_from,
    equal,
    find,
    first_rows,
    group_numbers,
    grouped,
    has_flag,
    ints,
    is_any,
    joined_records,
    pair,
    sorted_groups,
    stable_order,
)

LOWEST, HIGHEST = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)
RANDOM = np.random.default_rng(7)
COLUMNS: dict[str, Ints] = {
    "none": np.empty(0, dtype=np.int64),
    "one": np.array([5]),
    "same": np.full(9, 1 << 40),
    "few values": RANDOM.integers(0, 3, 500),
    "a digit": RANDOM.integers(0, 1 << 16, 500),
    "times": 5_000_000_000_000 + RANDOM.integers(0, 1 << 36, 500),
    "pairs": pair(RANDOM.integers(1_000_000, 1_000_009, 500), RANDOM.integers(0, 9, 500)),
    "scattered pairs": pair(RANDOM.integers(0, 900, 500), RANDOM.integers(0, 900, 500)),
    "pairs in two rows": pair(RANDOM.integers(4, 6, 500), RANDOM.integers(1000, 1009, 500)),
    "pairs in five rows": pair(RANDOM.integers(4, 9, 500), RANDOM.integers(1000, 1009, 500)),
    "negative": RANDOM.integers(-70_000, 70_000, 500),
    "extremes": RANDOM.choice(np.array([LOWEST, -1, 0, 1, HIGHEST]), 500),
    "repeats": np.array([1, 2, 2, 3, 3]),
    "the lowest first": np.array([1, 5, 3, 4]),
}


@pytest.mark.parametrize("keys", COLUMNS.values(), ids=COLUMNS)
def test_groups_and_distinct_keys_are_those_of_unique(keys: Ints) -> None:
    expected = np.unique(keys, return_index=True, return_inverse=True)
    for found, known in zip(grouped(keys), expected, strict=True):
        assert found.tolist() == known.tolist()
    for found, known in zip(first_rows(keys), expected[:2], strict=True):
        assert found.tolist() == known.tolist()
    assert distinct(keys).tolist() == expected[0].tolist()
    assert group_numbers(keys).tolist() == expected[2].tolist()
    for found, known in zip(counted(keys), np.unique(keys, return_counts=True), strict=True):
        assert found.tolist() == known.tolist()


@pytest.mark.parametrize("keys", COLUMNS.values(), ids=COLUMNS)
def test_the_order_is_stable_and_sorts_by_the_first_column_foremost(keys: Ints) -> None:
    second = RANDOM.integers(0, 3, keys.size).astype(np.uint32)
    third = RANDOM.integers(0, 2, keys.size).astype(np.bool_)
    assert stable_order(keys).tolist() == np.argsort(keys, kind="stable").tolist()
    by_three = stable_order(second, third, keys)
    assert by_three.tolist() == np.lexsort((keys, third, second)).tolist()


@pytest.mark.parametrize("keys", COLUMNS.values(), ids=COLUMNS)
def test_sorted_groups_begin_where_a_row_differs_from_the_one_before(keys: Ints) -> None:
    second = RANDOM.integers(0, 3, keys.size).astype(np.uint32)
    order, begins = sorted_groups(keys, second)
    assert order.tolist() == np.lexsort((second, keys)).tolist()
    rows = [(int(keys[at]), int(second[at])) for at in order]
    assert begins.tolist() == [at == 0 or rows[at] != rows[at - 1] for at in range(len(rows))]


def test_keys_are_made_of_columns_of_any_width() -> None:
    high, low = np.array([1, 0, 1 << 31]), np.array([(1 << 32) - 1, 5, 0])
    expected = [(1 << 32) + (1 << 32) - 1, 5, 1 << 63]
    columns = high.astype(np.uint32), low.astype(np.uint32)
    for one, other in ((high, low), columns, (high, columns[1]), (columns[0], low)):
        assert pair(one, other).view(np.uint64).tolist() == expected
    assert pair(high[:2], 7).tolist() == [(1 << 32) + 7, 7]
    assert ints(high) is high


def test_the_order_does_not_change_the_column() -> None:
    keys = np.array([3, 1, 2])
    stable_order(keys)
    assert keys.tolist() == [3, 1, 2]


@pytest.mark.parametrize("known", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("keys", COLUMNS.values(), ids=COLUMNS)
def test_a_key_is_found_at_its_first_index_or_not_at_all(known: Ints, keys: Ints) -> None:
    ordered = np.sort(known)
    first = {key: at for at, key in reversed(list(enumerate(ordered.tolist())))}
    assert find(ordered, keys).tolist() == [first.get(key, -1) for key in keys.tolist()]
    assert contains(ordered, keys).tolist() == [key in first for key in keys.tolist()]


def test_a_key_is_found_among_those_of_other_workers() -> None:
    known = np.array([7, 9, 1_000_001, 1_000_002, 1_000_004, 2_000_001])
    keys = np.array([0, 1_000_000, 1_000_001, 1_000_003, 1_000_004, 1_000_005])
    assert find(known, keys).tolist() == [-1, -1, 2, -1, 4, -1]


def test_kinds_are_those_that_isin_finds() -> None:
    kinds = RANDOM.integers(0, 256, 500).astype(np.uint8)
    assert is_any(kinds, (0, 4, 255)).tolist() == np.isin(kinds, (0, 4, 255)).tolist()
    assert not is_any(kinds, ()).any()


def test_columns_are_those_of_the_records_and_cannot_be_written() -> None:
    rows = np.array([(1, 2.5), (2, 3.5), (3, 4.5)], dtype=[("number", "<u4"), ("value", "<f8")])
    records = rows.view(ColumnarRecords)
    assert records["number"].tolist() == rows["number"].tolist()
    assert records["number"] is records["number"]
    assert records["number"].flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        records["number"] += 1
    assert records[1] == rows[1]
    assert records[rows["number"] > 1].tolist() == rows[1:].tolist()


def test_columns_are_compared_with_members_of_enumerations() -> None:
    kinds = RANDOM.integers(0, 256, 500).astype(np.uint8)
    kinds[0] = Kind.ACK
    assert equal(kinds, Kind.ACK).tolist() == [kind == Kind.ACK for kind in kinds.tolist()]
    both = Flag.FOREIGN | Flag.LEFTOVER
    expected = [bool(number & both) for number in kinds.tolist()]
    assert has_flag(kinds, both).tolist() == expected
    assert 0 < sum(expected) < kinds.size


def test_a_table_is_limited_however_many_keys_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = np.arange(100) * 3
    assert Grid.around(keys, 4) is not None
    expected = grouped(keys), distinct(keys), find(keys, keys[::-1])
    monkeypatch.setattr(arrays, "_PLACES_MAX", 297)
    assert Grid.around(keys, 4) is None
    for found, known in zip(
        (grouped(keys), distinct(keys), find(keys, keys[::-1])), expected, strict=True
    ):
        assert np.array_equal(np.array(found), np.array(known))
    monkeypatch.setattr(arrays, "_PLACES_MAX", 298)
    assert Grid.around(keys, 4) is not None


@pytest.mark.parametrize("sizes", [(), (0,), (3,), (2, 0, 5)])
def test_joined_records_are_those_of_all_pieces_in_order(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(7)
    whole = np.frombuffer(rng.bytes(sum(sizes) * RECORD_BYTES), dtype=np.dtype(DTYPE))
    ends = np.cumsum([0, *sizes])
    pieces = [whole[begin:end].view(ColumnarRecords) for begin, end in pairwise(ends)]
    joined = joined_records(pieces)
    assert joined.dtype == np.dtype(DTYPE)
    assert type(joined) is np.ndarray
    assert joined.tobytes() == whole.tobytes()


def test_joined_records_may_be_every_other_one_and_do_not_share_memory() -> None:
    whole = np.zeros(6, dtype=np.dtype(DTYPE))
    whole["seq"] = range(6)
    joined = joined_records([whole[::2]])
    joined["seq"][0] = 9
    assert joined["seq"].tolist() == [9, 2, 4]
    assert whole["seq"].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("high", "low", "grid", "share"),
    [
        ((7, 7), (10, 12), Grid(7, 10, 1, 3), 2),
        ((7, 8), (10, 12), Grid(7, 10, 2, 3), 3),
        ((7, 7, 9), (10, 12, 11), Grid(7, 10, 3, 3), 3),
        ((7, 9), (12, 12), Grid(7, 12, 3, 1), 2),
    ],
)
def test_a_grid_has_all_keys_between_the_lowest_and_the_highest_halves(
    high: tuple[int, ...], low: tuple[int, ...], grid: Grid, share: int
) -> None:
    keys = pair(np.array(high), np.array(low))
    assert Grid.around(keys, share) == grid
    assert Grid.around(keys, share - 1) is None
    inside = [
        (grid.high + row << 32) + grid.low + place
        for row in range(grid.rows)
        for place in range(grid.width)
    ]
    numbers = np.arange(grid.size)
    assert grid.keys(numbers).tolist() == inside
    assert grid.places(np.array(inside)).tolist() == numbers.tolist()
    outside = [(6, 11), (7, 9), (7, 13), (8, 9), (8, 13), (9, 13), (10, 10), (10, 11), (10, 12)]
    found = grid.places(np.array([(row << 32) + place for row, place in outside]))
    assert found.tolist() == [grid.size] * len(outside)


def test_a_further_column_is_sorted_by_although_two_fill_a_word() -> None:
    first, wide = np.array([1, 0]), np.array([0, (1 << 32) - 1])
    assert stable_order(first, wide, wide).tolist() == [1, 0]
    assert stable_order(wide, wide, first).tolist() == [0, 1]


def earliest_one_by_one(group: Ints, t_ns: Ints) -> list[int]:
    """Return what `earliest_from` returns."""
    rows = list(zip(group.tolist(), t_ns.tolist(), strict=True))
    return [min(t for own, t in rows[at:] if own == rows[at][0]) for at in range(len(rows))]


@pytest.mark.parametrize("apart", [1, 1 << 20, 1 << 58, (1 << 60) - 1])
def test_the_earliest_time_from_a_row_on_is_one_of_its_group(apart: int) -> None:
    """The times may be too far apart for one number to hold a group and a time."""
    group = np.sort(RANDOM.integers(0, 9, 60))
    t_ns = RANDOM.integers(-5, 6, 60) * apart
    t_ns[RANDOM.integers(0, 60, 20)] = NEVER
    assert earliest_from(group, t_ns).tolist() == earliest_one_by_one(group, t_ns)


@pytest.mark.parametrize(
    ("group", "t_ns"),
    [
        ((0, 1), (NEVER, 7)),
        ((0, 0, 1), (9, NEVER, 5)),
        ((0, 1), (NEVER, NEVER)),
        ((0, 1, 1), (5, 7, 6)),
    ],
)
def test_a_time_of_the_next_group_is_none_of_this_one(
    group: tuple[int, ...], t_ns: tuple[int, ...]
) -> None:
    columns = np.array(group), np.array(t_ns)
    assert earliest_from(*columns).tolist() == earliest_one_by_one(*columns)


def test_what_never_happened_comes_last() -> None:
    assert arrays.NEVER == HIGHEST
