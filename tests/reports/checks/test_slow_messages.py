"""Which messages are slow for all of their receivers, also by clocks that differ."""

import numpy as np
import pytest

from gauntlet.reports.checks._slow_messages import are_slow_to_all, are_spread, late_from_ns


def array(*numbers):
    return np.array(numbers, dtype=np.int64)


@pytest.mark.parametrize(
    ("usual_ns", "error_ns", "least_ns", "limit_ns"),
    [(200, 0, 0, 2000), (200, 10, 0, 2110), (1, 10, 5000, 5010), (200, 10, 2105, 2115)],
)
def test_a_delivery_is_late_above_ten_times_the_usual_delay(usual_ns, error_ns, least_ns, limit_ns):
    """The error of the clocks makes the usual delay longer, and the late one shorter."""
    assert int(late_from_ns(usual_ns, error_ns, least_ns)) == limit_ns


@pytest.mark.parametrize(
    ("delay_ns", "error_ns", "is_usual"),
    [(1000, 0, True), (1001, 0, False), (1110, 10, True), (1111, 10, False)],
)
def test_a_message_is_slow_to_all_up_to_ten_times_its_usual_delay(delay_ns, error_ns, is_usual):
    message, user = array(1, 1, 1, 2), array(1, 2, 3, 1)
    found = are_slow_to_all(message, user, array(100, 100, delay_ns, 100), array(2, 3), error_ns)
    # Only one user received the other message.
    assert found.tolist() == [is_usual, False]


@pytest.mark.parametrize(("error_ns", "is_spread"), [(0, False), (49, False), (50, True)])
def test_by_clocks_that_differ_receivers_may_be_served_in_smaller_steps(error_ns, is_spread):
    """The longest step of the faster half takes 600 ns, and the median delay is 1600 ns."""
    delays_ns = array(500, 1000, 1600, 2000, 2500, 3000)
    message = np.full_like(delays_ns, 7)
    found = are_spread(message, delays_ns, np.arange(delays_ns.size), error_ns)
    assert found.tolist() == [is_spread] * 6
