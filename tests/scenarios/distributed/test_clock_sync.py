"""Clocks compared by exchanges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.scenarios.distributed.clock_sync import Exchange, estimate_offset

NS = st.integers(0, 10**9)


def exchange(lead_ns, there_ns, busy_ns, back_ns, asked_ns=0):
    """An exchange with a clock that is ahead by so much, over ways that take so long."""
    heard_ns = asked_ns + there_ns
    answered_ns = heard_ns + busy_ns
    return Exchange(asked_ns, heard_ns + lead_ns, answered_ns + lead_ns, answered_ns + back_ns)


@given(st.integers(-(10**15), 10**15), st.lists(st.tuples(NS, NS, NS), min_size=1, max_size=9))
def test_the_truth_is_within_the_error_whatever_the_ways_took(lead_ns, ways):
    """Unequal ways and a busy worker shift the estimate, never beyond what it admits."""
    found = estimate_offset(exchange(lead_ns, *way) for way in ways)
    assert abs(found.offset_ns - lead_ns) <= found.error_ns


def test_the_quickest_exchange_wins():
    """One lucky exchange among slow ones decides, and its delay is the error."""
    slow, quick = exchange(500, 9_000, 0, 100), exchange(500, 30, 10_000, 10, asked_ns=50_000)
    found = estimate_offset([slow, quick, slow])
    assert (found.offset_ns, found.error_ns) == (510, 21)
    assert found.at_ns == quick.back_ns


def test_without_an_exchange_there_is_no_offset():
    """Without an exchange there is no offset, not even zero."""
    with pytest.raises(ValueError, match="empty"):
        estimate_offset([])
