"""Which messages are slow for all of their receivers, also by clocks that differ."""

import numpy as np
import pytest

from gauntlet.reports.checks._slow_messages import (
    are_slow_to_all,
    are_spread,
    late_from_ns,
    usual_ns,
)


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
    message, user = array(0, 1, 1, 1, 2), array(3, 1, 2, 3, 1)
    delays_ns = array(100, 100, 100, delay_ns, 100)
    found = are_slow_to_all(message, user, delays_ns, array(0, 3, 4), error_ns)
    # Only one user received each of the other messages.
    assert found.tolist() == [False, is_usual, False]


def test_the_usual_delay_is_the_median_of_the_same_message():
    """Of two in the middle, it is the shorter one; messages that are not asked for do not count."""
    message = array(5, 3, 3, 4, 5, 5, 3, 5, 7)
    delays_ns = array(40, 100, 300, 900, 10, 30, 200, 20, 1000)
    found = usual_ns(message, delays_ns, array(0, 2, 4, 8))
    assert found.tolist() == [20, 200, 20, 1000]


@pytest.mark.parametrize(
    ("delays_ns", "is_spread"),
    [
        # The median is the third of five delays, and each step up to it takes 100 ns.
        ((100, 200, 300, 1000, 2000), True),
        ((100, 200, 299, 300, 400), False),
        # The order of the records says nothing.
        ((300, 2000, 100, 1000, 200), True),
        # The median is the second of four.
        ((50, 100, 10_000, 20_000), False),
        # The clock did not advance until half of the receivers had the message.
        ((0, 0, 0, 9), True),
        ((0, 1, 9, 9), False),
    ],
)
def test_receivers_are_served_one_after_the_other_if_no_step_of_the_faster_half_is_long(
    delays_ns, is_spread
):
    """A long step takes more than a third of the median."""
    delays_ns = array(*delays_ns)
    # The second message has a step that is long for itself and short for the first one.
    message, other_ns = np.full_like(delays_ns, 7), array(1, 9, 90)
    message = np.append(message, np.full_like(other_ns, 9))
    found = are_spread(message, np.append(delays_ns, other_ns), np.arange(message.size))
    assert found.tolist() == [is_spread] * delays_ns.size + [False] * 3


@pytest.mark.parametrize(("error_ns", "is_spread"), [(0, False), (49, False), (50, True)])
def test_by_clocks_that_differ_receivers_may_be_served_in_smaller_steps(error_ns, is_spread):
    """The longest step of the faster half takes 600 ns, and the median delay is 1600 ns."""
    delays_ns = array(500, 1000, 1600, 2000, 2500, 3000)
    message = np.full_like(delays_ns, 7)
    found = are_spread(message, delays_ns, np.arange(delays_ns.size), error_ns)
    assert found.tolist() == [is_spread] * 6
