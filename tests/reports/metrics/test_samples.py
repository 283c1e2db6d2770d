"""Samples in few bytes have the percentiles of the latencies that they stand for."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics import samples as module
from gauntlet.reports.metrics.samples import Selection, collect
from gauntlet.reports.metrics.windows import Window

CELL_NS = 1 << 32
EDGES = [0, 1, 65_535, 65_536, CELL_NS - 2, CELL_NS - 1, CELL_NS, CELL_NS + 1]
TIMES = st.sampled_from(EDGES) | st.integers(0, 5 * CELL_NS)
LATENCIES = st.sampled_from([*EDGES, NEVER]) | st.integers(0, 3 * CELL_NS) | st.integers(0, 300)
ROWS = st.lists(st.tuples(TIMES, LATENCIES, LATENCIES), max_size=40)
QUANTILES = (0.01, 0.5, 0.9, 0.99, 1.0)


@pytest.fixture(params=[1 << 17, 1], ids=["sorted", "counted"])
def percentiles_by(request, monkeypatch):
    """Let percentiles be found by sorting, or by counting, in small chunks."""
    monkeypatch.setattr(module, "_COUNTED_MIN", request.param)
    monkeypatch.setattr(module, "_CHUNK", 3)


def columns(rows):
    """Return the columns of rows (intended, took, age); an age is known of what never happened."""
    intended_ns, took_ns, ages = (
        np.array(column, dtype=np.int64)
        for column in (zip(*rows, strict=True) if rows else [()] * 3)
    )
    return intended_ns, took_ns, np.where(took_ns == NEVER, ages, took_ns)


def in_ms(t_ns):
    return [math.inf if each == NEVER else each / 1e6 for each in t_ns.tolist()]


def nearest_ranks(values_ms):
    if not values_ms:
        return [None] * len(QUANTILES)
    ranks = [max(0, math.ceil(quantile * len(values_ms)) - 1) for quantile in QUANTILES]
    return [sorted(values_ms)[rank] for rank in ranks]


@pytest.mark.usefixtures("percentiles_by")
@pytest.mark.parametrize("shared", [False, True])
def test_a_window_has_the_samples_whose_messages_were_intended_in_it(shared):
    @given(ROWS, st.lists(TIMES, min_size=4, max_size=4))
    def check(rows, moments):
        intended_ns, took_ns, age_ns = columns(rows)
        found = collect(intended_ns, took_ns, age_ns, shared=shared)
        start_ns, excluded_ns, until_ns, end_ns = sorted(moments)
        window = Window("w", start_ns, end_ns, ((excluded_ns, until_ns),))
        for chosen, inside in (
            (found.within(window), window.contains(intended_ns)),
            (found.between(start_ns, end_ns), (intended_ns >= start_ns) & (intended_ns < end_ns)),
        ):
            took_ms, age_ms = in_ms(took_ns[inside]), in_ms(age_ns[inside])
            assert chosen.size == len(took_ms)
            assert chosen.finite == sum(math.isfinite(value) for value in took_ms)
            assert chosen.censored == sum(
                age != value for age, value in zip(age_ms, took_ms, strict=True)
            )
            assert chosen.percentiles(QUANTILES) == nearest_ranks(took_ms)
            bounds = [each and (each.lower, each.upper) for each in chosen.bounds(QUANTILES)]
            assert [each and each[0] for each in bounds] == nearest_ranks(age_ms)
            assert [each and each[1] for each in bounds] == nearest_ranks(took_ms)
            assert chosen.count_above(0.3) == sum(value > 0.3 for value in took_ms)
            if len(age_ms) > 1:
                assert chosen.second_largest() == sorted(age_ms)[-2]

    check()


@given(ROWS, st.sampled_from([0.0, 0.2, 65.0, 4294.967294, 5000.0]))
def test_what_happened_late_is_listed_with_its_time(rows, limit_ms):
    intended_ns, took_ns, age_ns = columns(rows)
    expected = sorted(
        (t_ns, value)
        for t_ns, value in zip(intended_ns.tolist(), in_ms(took_ns), strict=True)
        if limit_ms < value < math.inf
    )
    for shared in (False, True):
        times, took_ms = collect(intended_ns, took_ns, age_ns, shared=shared).slower(limit_ms)
        assert sorted(zip(times.tolist(), took_ms.tolist(), strict=True)) == expected


@pytest.mark.usefixtures("percentiles_by")
def test_a_histogram_has_all_finite_latencies():
    def bins_of(ms):
        return np.floor(np.sqrt(ms)).astype(np.int64)

    @given(ROWS)
    def check(rows):
        intended_ns, took_ns, age_ns = columns(rows)
        found = collect(intended_ns, took_ns, age_ns).between(-NEVER, NEVER).histogram(bins_of)
        expected = np.bincount(bins_of(took_ns[took_ns != NEVER] / 1e6))
        assert found.tolist() == expected.tolist()

    check()


def test_equal_latencies_are_counted_without_a_copy_of_them():
    """Of many samples, most may be alike: then all have the upper bits of a percentile."""
    words = np.full(4_000_000, 3_000_000, dtype=np.uint32)
    words[:7] = 9_000_000
    selection = Selection((words,), *[np.empty(0, dtype=np.int64)] * 2)
    tracemalloc.start()
    try:
        found = selection.percentiles((0.5, 0.99, 1.0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [3.0, 3.0, 9.0]
    assert peak < words.nbytes * 1.5


def test_a_second_largest_value_needs_two():
    one = Selection((np.array([7], dtype=np.uint32),), *[np.empty(0, dtype=np.int64)] * 2)
    assert one.second_largest() is None
