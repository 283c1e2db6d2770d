"""The interval of a difference contains what equal systems differ by, and little more."""

import math

import numpy as np
import pytest

from gauntlet.reports.comparison.bootstrap import (
    SECONDS_MIN,
    Seconds,
    block_length,
    factor_of_means,
    factor_of_percentiles,
)


def noise(generator, count, resemblance):
    """Return a series in which each value resembles its neighbour."""
    steps = generator.normal(size=count + 50)
    series = np.zeros(count + 50)
    for at in range(1, count + 50):
        series[at] = resemblance * series[at - 1] + math.sqrt(1 - resemblance**2) * steps[at]
    return series[50:]


def a_run(generator, count=60, factor=1.0, resemblance=0.6, per_second=100):
    """Return the seconds of a run, and its samples: lognormal, with a level that wanders."""
    levels = 0.3 * noise(generator, count, resemblance)
    samples = factor * np.exp(
        levels[:, None] + 0.5 * generator.normal(size=(count, per_second)) + math.log(10)
    )
    columns = [np.quantile(samples, q, axis=1, method="inverted_cdf") for q in (0.5, 0.99, 1.0)]
    return Seconds(np.full(count, float(per_second)), *columns), samples


def intervals(trials, factor, quantile=0.99, **settings):
    generator = np.random.default_rng(1)
    for trial in range(trials):
        one, samples_a = a_run(generator, **settings)
        two, samples_b = a_run(generator, factor=factor, **settings)
        exact = np.quantile(samples_b, quantile) / np.quantile(samples_a, quantile)
        yield exact, factor_of_percentiles(one, two, quantile, exact, seed=trial)


@pytest.mark.parametrize("quantile", [0.5, 0.99])
def test_equal_systems_seldom_seem_to_differ(quantile):
    found = [interval for _, interval in intervals(40, 1.0, quantile)]
    wrong = sum(not each.low <= 1 <= each.high for each in found)
    assert wrong <= 3


def test_a_p99_three_times_as_long_is_always_found():
    for exact, interval in intervals(15, 3.0, count=120):
        assert 1 < interval.low < exact < interval.high < 9


def test_an_interval_is_narrower_with_more_seconds():
    def width(count):
        found = [interval for _, interval in intervals(5, 1.0, count=count)]
        return np.mean([math.log(each.high / each.low) for each in found])

    assert width(600) < 0.6 * width(40)


def test_draws_of_single_seconds_would_be_too_narrow():
    """The blocks grow with the resemblance of neighbours."""
    generator = np.random.default_rng(2)
    independent = block_length(generator.normal(size=200))
    dependent = block_length(noise(generator, 200, 0.9))
    assert independent <= 8 < dependent <= 50


def test_means_of_series_have_the_factor_between_them():
    generator = np.random.default_rng(3)
    a, b = 100 + generator.normal(size=60), 150 + generator.normal(size=60)
    interval = factor_of_means(a, b)
    assert 1.48 < interval.low < b.mean() / a.mean() < interval.high < 1.52


def test_a_constant_series_has_an_interval_without_width():
    assert factor_of_means(np.full(20, 4.0), np.full(20, 6.0)) == pytest.approx((1.5, 1.5))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones(SECONDS_MIN - 1), np.ones(50)),
        (np.ones(50), np.zeros(0)),
        (np.zeros(50), np.ones(50)),
        (np.ones(50), np.zeros(50)),
    ],
)
def test_too_few_seconds_or_only_zeros_have_no_interval(a, b):
    assert factor_of_means(a, b) is None


def test_seconds_without_samples_are_left_out_and_endless_ones_make_it_unknown():
    generator = np.random.default_rng(4)
    one, _ = a_run(generator)
    gaps = Seconds(*(column.copy() for column in one))
    gaps.samples[:5] = 0
    for column in gaps[1:]:
        column[:5] = math.nan
    assert factor_of_percentiles(one, gaps, 0.99, 1.0) is not None
    gaps.max_ms[10] = math.inf
    assert factor_of_percentiles(one, gaps, 0.99, 1.0) is None
    assert factor_of_percentiles(one, Seconds(*(c[:3] for c in one)), 0.99, 1.0) is None


@pytest.mark.parametrize("exact", [0.0, math.inf, math.nan])
def test_a_factor_that_is_no_number_has_no_interval(exact):
    one, _ = a_run(np.random.default_rng(5))
    assert factor_of_percentiles(one, one, 0.99, exact) is None


def test_the_same_runs_have_the_same_interval_and_a_long_run_takes_no_more_memory():
    one, _ = a_run(np.random.default_rng(6), count=5000, per_second=4)
    first = factor_of_percentiles(one, one, 0.99, 1.0)
    assert first == factor_of_percentiles(one, one, 0.99, 1.0)
    assert first.low < 1 < first.high
