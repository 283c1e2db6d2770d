"""Histograms that are filled by the second."""

import itertools

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.metrics.histogram import FIGURES, HIGHEST_US, LOWEST_US, Histogram

US = 1_000
DURATIONS_NS = st.one_of(
    st.integers(-10, 3_000 * US),
    st.integers(0, 2 * HIGHEST_US * US),
    st.builds(lambda bit, off: ((1 << bit) + off) * US, st.integers(0, 32), st.integers(-2, 2)),
)


def one_by_one(durations_ns):
    """What the library itself makes of the same samples."""
    hdr = HdrHistogram(LOWEST_US, HIGHEST_US, FIGURES)
    for duration_ns in durations_ns:
        assert hdr.record_value(min(max(duration_ns // US, 0), HIGHEST_US))
    return hdr


def filled(durations_ns):
    """A histogram of ours."""
    made = Histogram()
    made.record(np.array(durations_ns, np.int64))
    return made


@given(st.lists(st.lists(DURATIONS_NS)))
def test_a_second_at_once_counts_as_one_by_one(seconds):
    """Whatever the samples and their seconds, the encoding is the library's own, to the byte."""
    made = Histogram()
    for second in seconds:
        made.record(np.array(second, np.int64))
    expected = one_by_one(list(itertools.chain.from_iterable(seconds)))
    assert made.encode() == expected.encode()
    assert made.total == expected.get_total_count()


@given(st.lists(DURATIONS_NS), st.lists(DURATIONS_NS))
def test_histograms_merge_exactly(left, right):
    """Shipped and added, two workers' samples are those of one."""
    merged = filled(left)
    merged.add(Histogram.decode(filled(right).encode()))
    assert merged.encode() == one_by_one(left + right).encode()


@given(st.lists(DURATIONS_NS, min_size=1), st.floats(0.001, 1))
def test_percentiles_are_the_librarys(durations_ns, share):
    """Buckets hold every sample, and what is found in them is what the library finds."""
    made = filled(durations_ns)
    assert int(made.buckets_ms()[1].sum()) == len(durations_ns)
    expected_us = one_by_one(durations_ns).get_value_at_percentile(100 * share)
    assert made.percentile_ms(share) == expected_us / 1000
    assert made.percentiles_ms((share, 0.5)) == [made.percentile_ms(share), made.percentile_ms(0.5)]


def test_below_a_millisecond_a_microsecond_is_told_from_the_next():
    """Three figures, and none of them lost to whole milliseconds."""
    made = filled([412 * US, 413 * US])
    assert made.buckets_ms()[0].tolist() == [0.412, 0.413]
    assert made.percentile_ms(0.5) == 0.412


def test_none_has_no_percentile():
    """Nothing is known of no samples."""
    assert Histogram().percentile_ms(0.5) is None
    assert Histogram().percentiles_ms((0.5, 0.9)) == [None, None]


def test_another_layout_is_refused():
    """Counts of another layout would be added to the wrong buckets."""
    with pytest.raises(ValueError, match="has the layout"):
        Histogram.decode(HdrHistogram(1, 1_000, 2).encode())
