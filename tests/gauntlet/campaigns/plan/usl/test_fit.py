"""The fit of the Universal Scalability Law."""

import math

import numpy as np
import pytest

from gauntlet.campaigns.plan.usl.fit import (
    Fit,
    _with_peaks,
    fit,
    intervals,
    peak_interval,
)

LEVELS = np.array([1.0, 2, 4, 8, 16, 32, 48, 64])


def system(gamma=1_000.0, alpha=0.05, beta=0.0005):
    return Fit(gamma, alpha, beta, 0.0)


def noisy(truth, share, seed=1, levels=LEVELS):
    random = np.random.default_rng(seed)
    return truth.throughput(levels) * np.exp(share * random.standard_normal(len(levels)))


@pytest.mark.parametrize(
    "truth",
    [
        system(),
        system(gamma=0.003, alpha=0.3, beta=0.01),
        system(alpha=0.0),
        system(beta=0.0),
        system(alpha=0.0, beta=0.0),
        system(alpha=1.0, beta=0.0),
        system(alpha=1.0, beta=0.001),
    ],
)
def test_exact_data_gives_the_parameters_back(truth):
    found = fit(LEVELS, truth.throughput(LEVELS))
    assert found[:3] == pytest.approx(truth[:3], rel=1e-6, abs=1e-9)
    assert found.error == pytest.approx(0, abs=1e-9)


def test_the_peak_is_where_the_throughput_is_highest():
    truth = system()
    around = truth.throughput(np.array([truth.peak * 0.99, truth.peak, truth.peak * 1.01]))
    assert around[1] > max(around[0], around[2])
    assert math.isinf(system(beta=0).peak)


def test_better_than_linear_data_does_not_make_parameters_negative():
    found = fit(LEVELS, 1_000 * LEVELS**1.1)
    assert found.alpha >= 0
    assert found.beta >= 0
    assert math.isinf(found.peak)


def test_errors_count_in_proportion_to_the_throughput():
    """The same relative error at a small and at a large n changes the fit alike, and is found."""
    assert fit(LEVELS, noisy(system(), 0.03)).error == pytest.approx(0.03, rel=0.6)
    scaled = fit(LEVELS, 1e6 * noisy(system(), 0.03))
    assert scaled.alpha == pytest.approx(fit(LEVELS, noisy(system(), 0.03)).alpha, rel=1e-6)


def test_the_interval_of_the_peak_contains_it_and_is_wider_with_more_noise():
    truth = system()
    widths = []
    for share in (0.01, 0.05):
        found = noisy(truth, share)
        low, high = peak_interval(LEVELS, found, fit(LEVELS, found))
        assert low < truth.peak < high
        widths.append(high / low)
    assert widths[0] < widths[1]


def test_at_the_ends_of_the_interval_the_fit_is_as_much_worse_as_an_f_test_allows():
    data = noisy(system(), 0.03)
    best = fit(LEVELS, data)
    ends = np.array(peak_interval(LEVELS, data, best))
    worse = _with_peaks(LEVELS, data, ends) / (best.error**2 * 5)
    # 2.015 is Student's 95th percentile for 8 − 3 degrees of freedom.
    assert worse == pytest.approx(1 + 2.015**2 / 5, rel=0.1)


def test_data_before_the_knee_gives_an_interval_without_an_end():
    few = np.array([1.0, 2, 3, 4, 5, 6])
    found = noisy(system(), 0.03, levels=few)
    low, high = peak_interval(few, found, fit(few, found))
    assert math.isinf(high)
    assert low < system().peak


def test_exact_data_gives_a_narrow_interval():
    found = system().throughput(LEVELS)
    low, high = peak_interval(LEVELS, found, fit(LEVELS, found))
    assert low <= system().peak * 1.001
    assert high >= system().peak * 0.999
    assert high / low < 1.05


def test_a_line_has_no_peak():
    found = 1_000 * LEVELS
    assert math.isinf(peak_interval(LEVELS, found, fit(LEVELS, found))[1])


def test_intervals_of_parameters_and_curve_contain_the_fit():
    data = noisy(system(), 0.02)
    best = fit(LEVELS, data)
    found = intervals(LEVELS, best, np.array([32.0, 128.0]), draws=200)
    assert found.gamma[0] < best.gamma < found.gamma[1]
    assert found.alpha[0] < best.alpha < found.alpha[1]
    assert found.beta[0] < best.beta < found.beta[1]
    low, high = found.throughput
    assert (low < best.throughput(np.array([32.0, 128.0]))).all()
    # What is beyond the data is less certain.
    assert high[1] / low[1] > high[0] / low[0]
    again = intervals(LEVELS, best, np.array([32.0, 128.0]), draws=200)
    assert again.gamma == found.gamma
