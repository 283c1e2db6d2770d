"""The slope of memory over time."""

import random

import pytest

from benchmarks.resilience.endurance.measured import slope

TIMES_S = [2.0 * number for number in range(1800)]  # an hour


def test_a_straight_line_after_the_warm_up_has_its_slope():
    values = [50.0 if t < 800 else 100 + 7 * t / 3600 for t in TIMES_S]
    found = slope(TIMES_S, values)
    assert found.per_hour == pytest.approx(7, rel=1e-6)
    assert found.low == pytest.approx(found.high, rel=1e-6)


def test_the_interval_covers_the_truth_although_samples_depend_on_each_other():
    covered = 0
    for seed in range(100):
        stream, level, values = random.Random(seed), 0.0, []
        for t in TIMES_S:
            level = 0.9 * level + stream.gauss(0, 1)
            values.append(100 + 5 * t / 3600 + level)
        found = slope(TIMES_S, values)
        covered += found.low <= 5 <= found.high
    assert 88 <= covered <= 100


def test_few_samples_have_no_slope():
    assert slope(TIMES_S[:30], [1.0] * 30) is None
