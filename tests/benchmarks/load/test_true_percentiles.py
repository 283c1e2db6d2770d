"""The analytic percentiles of a server that stops."""

import pytest

from benchmarks.load import true_percentiles


@pytest.mark.parametrize(
    ("share", "true_s"), [(0.90, 0.0), (0.95, 1.0), (0.99, 1.8), (0.999, 1.98), (1.0, 2.0)]
)
def test_a_stop_of_two_seconds_in_twenty(share, true_s):
    """A tenth of the latencies is uniform from 0 to the stop; the others are 0."""
    assert true_percentiles.percentile_s(share, 2.0, 20.0) == pytest.approx(true_s)


def test_the_formula_equals_the_nearest_rank_percentile_of_evenly_due_messages():
    stop, total = 200, 1000  # in ticks, one message per tick
    waits = sorted(max(0, stop - due) for due in range(total))
    for share in (0.85, 0.9, 0.99, 0.999):
        counted = waits[int(share * total) - 1]
        assert true_percentiles.percentile_s(share, stop, total) == pytest.approx(counted, abs=1)


def test_an_error_is_in_percent_of_the_truth_and_negative_if_too_low():
    assert true_percentiles.error_percent(9.0, 1800.0) == pytest.approx(-99.5)
    assert true_percentiles.error_percent(1818.0, 1800.0) == pytest.approx(1.0)
