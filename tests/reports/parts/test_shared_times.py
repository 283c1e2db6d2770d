"""Samples of several kinds are the same whether they share their times or not."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics.samples import collect
from gauntlet.reports.parts.shared_times import Column, SharedTimes

CELL_NS = 1 << 32
TIMES = st.sampled_from([0, CELL_NS - 1, CELL_NS]) | st.integers(0, 5 * CELL_NS)
LATENCIES = st.sampled_from([0, CELL_NS - 1, CELL_NS, NEVER]) | st.integers(0, 3 * CELL_NS)


def part(random, *, long=False, missed=False, received=5):
    """Return samples of four kinds, of which the last one has several for each message.

    With `long`, one latency is; with `missed`, one is further; each message is `received` times.
    """
    intended_ns = np.sort(random.integers(0, 3 * CELL_NS, 50))
    kinds = [random.integers(0, 10**9, intended_ns.size) for _ in range(3)]
    if long:
        kinds[1][7] = NEVER
        kinds[1][9] = 2 * CELL_NS
    found = [collect(intended_ns, took_ns) for took_ns in kinds]
    if missed:
        found[0] = collect(np.append(intended_ns, CELL_NS), np.append(kinds[0], 5))
    deliveries = np.repeat(intended_ns, received)
    took_ns = random.integers(0, 10**9, deliveries.size)
    return [*found, collect(deliveries, took_ns, shared=True)]


@pytest.mark.parametrize(
    "parts",
    [
        [{}],
        [{}, {}, {}],
        [{}, {"long": True}, {}],
        [{"missed": True}],
        [{"long": True}, {"missed": True}, {}, {"long": True, "missed": True}],
        [{"received": 0}, {}, {"received": 300}, {"long": True, "received": 70_000}],
    ],
)
def test_all_samples_of_all_parts_are_kept(parts):
    random = np.random.default_rng(3)
    shared, apart = SharedTimes(4), [SharedTimes(1) for _ in range(4)]
    for options in parts:
        found = part(random, **options)
        shared.add(found)
        for alone, samples in zip(apart, found, strict=True):
            alone.add([samples])
    for one, other in zip(shared.samples(), (each.samples()[0] for each in apart), strict=True):
        assert all(map(np.array_equal, one.rows(), other.rows()))
        starts = [cell.start_ns for cell in one.cells]
        assert starts == sorted(set(starts))
        assert one.between(CELL_NS, 2 * CELL_NS).size == other.between(CELL_NS, 2 * CELL_NS).size


def test_the_times_of_the_same_messages_are_kept_once():
    random = np.random.default_rng(3)
    shared = SharedTimes(4)
    shared.add(part(random))
    shared.add(part(random))
    first, *others = shared.samples()
    for other in others:
        pairs = zip(first.cells, other.cells, strict=True)
        assert all(own.offset_ns is known.offset_ns for own, known in pairs)


def test_without_samples_there_are_none():
    shared = SharedTimes(4)
    none = np.empty(0, dtype=np.int64)
    shared.add([collect(none, none)] * 4)
    assert [each.size for each in shared.samples()] == [0, 0, 0, 0]


@given(
    st.lists(st.tuples(TIMES, LATENCIES, LATENCIES), max_size=40),
    st.lists(st.integers(0, 40), max_size=4),
    st.booleans(),
)
def test_parts_add_up_to_the_samples_of_the_whole(rows, cuts, shared):
    columns = zip(*rows, strict=True) if rows else [()] * 3
    intended_ns, took_ns, age_ns = (np.array(column, dtype=np.int64) for column in columns)
    whole = intended_ns, took_ns, np.where(took_ns == NEVER, age_ns, took_ns)
    together = SharedTimes(1)
    for first, last in itertools.pairwise([0, *sorted(cuts), len(rows)]):
        together.add([collect(*(column[first:last] for column in whole), shared=shared)])
    (added,), found = together.samples(), collect(*whole, shared=shared)
    assert added.size == found.size == len(rows)
    assert sorted_rows(added) == sorted_rows(found)
    for cell in added.cells:
        assert (np.diff(cell.offset_ns.astype(np.int64)) >= 0).all()


def sorted_rows(samples):
    return sorted(zip(*(column.tolist() for column in samples.rows()), strict=True))


def test_a_column_has_as_many_bytes_as_its_largest_number_needs():
    column = Column()
    column.append(np.array([1, 255], dtype=np.uint8))
    assert column.values.dtype == np.uint8
    column.append(np.array([70_000], dtype=np.uint32))
    column.append(np.array([2], dtype=np.uint8))
    assert column.values.dtype == np.uint32
    assert column.values.tolist() == [1, 255, 70_000, 2]


def test_a_sample_takes_few_bytes_in_the_end_and_while_parts_are_added():
    """The deliveries of one message share its time: 4 bytes for each, and 8 for each message."""
    messages, deliveries, parts = 4_000, 5, 10
    random = np.random.default_rng(1)
    together = SharedTimes(1)
    tracemalloc.start()
    try:
        for _ in range(parts):
            intended_ns = np.repeat(random.integers(0, 9 * CELL_NS, messages), deliveries)
            took_ns = random.integers(0, 10**9, intended_ns.size)
            together.add([collect(intended_ns, took_ns, shared=True)])
        del intended_ns, took_ns
        added, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        (found,) = together.samples()
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.size == parts * messages * deliveries
    assert added / found.size < 6
    assert kept / found.size < 6.5
    assert peak / found.size < 16
