"""Percentiles that cannot be improved by losing messages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.history import Kind
from gauntlet.core.scenario import catalog
from gauntlet.reports.metrics import latency


def test_the_quantiles_are_the_vocabularys():
    """Every percentile that users may name is computed."""
    assert tuple(latency.QUANTILES) == catalog.PERCENTILES


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_that_covers_its_share(values, quantile):
    """Nearest rank, by its definition."""
    found = latency.percentile(np.array(values), quantile)
    covered = sum(value <= found for value in values)
    assert covered >= quantile * len(values)
    assert sum(value < found for value in values) < quantile * len(values)


@pytest.mark.parametrize(("lost", "expected"), [(0, 5.0), (1, 5.0), (2, math.inf)])
def test_what_never_came_is_infinite(lost, expected):
    """More than one lost in a hundred makes a p99 infinite, exactly."""
    values = np.array([5.0] * (100 - lost) + [math.inf] * lost)
    assert latency.percentile(values, 0.99) == expected


def test_nothing_has_no_percentile():
    """No samples, no number."""
    assert latency.percentile(np.array([]), 0.5) is None
    nothing = np.array([])
    assert latency.percentile_bounds(nothing, nothing, 0.5) is None
    assert latency.percentile_table(nothing, nothing) == {
        **dict.fromkeys(latency.QUANTILES), "max": None,
        "samples": 0, "censored": 0, "at_least": [],
    }  # fmt: skip


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e9), st.booleans()), min_size=1),
    st.floats(0.01, 1),
)
def test_the_range_of_a_percentile_holds_the_true_one(samples, quantile):
    """Whatever the censored samples would have come to, it lies between the ends told."""
    least = np.array([age for age, _, _ in samples])
    most = np.array([math.inf if pending else age for age, _, pending in samples])
    true = np.array([age + more if pending else age for age, more, pending in samples])
    found = latency.percentile_bounds(most, least, quantile)
    assert found.lower <= latency.percentile(true, quantile) <= found.upper
    if not any(pending for _, _, pending in samples):
        assert found.exact


def test_a_percentile_below_the_censored_samples_is_exact():
    """One in ten pending leaves the median known, and makes the p99 a lower bound."""
    least = np.array([5.0] * 90 + [2000.0] * 10)
    row = latency.percentile_table(np.where(least > 5, math.inf, least), least)
    assert (row["p50"], row["p99"], row["max"]) == (5.0, 2000.0, 2000.0)
    assert row["at_least"] == ["p95", "p99", "p999", "max"]
    assert (row["samples"], row["censored"]) == (100, 10)


def test_latency_counts_from_the_intended_time(history, good_story):
    """A late attempt, and an op that was never answered, are the sender's experience."""
    story = good_story(1)
    read = history(story)
    ack = latency.ack(read)
    assert ack.ms.size == story.reconciliation["ops"]
    refused, unknown = story.reconciliation["rejected"], story.reconciliation["unknown"]
    assert np.isinf(ack.ms).sum() == refused + unknown
    assert (np.isinf(ack.lower_bound_ms).sum(), (ack.lower_bound_ms != ack.ms).sum()) == (
        refused,
        unknown,
    )
    op = story.records[story.at(Kind.OP)[0]]
    (done,) = story.at(Kind.ACK, conv=op.conv, peer=op.peer, sseq=op.sseq)
    assert ack.ms[0] == pytest.approx((story.records[done].t_ns - op.ref_ns) / 1e6)


def test_an_authors_own_echo_is_no_delivery(history, good_story):
    """Deliveries to others are counted, once each."""
    read = history(good_story(1))
    others = int((~read.expected.own).sum())
    assert latency.delivery(read).ms.size == others < read.expected.message.size


def test_an_absence_on_purpose_is_not_waited_for(history, good_story):
    """What a traveller finds on his return counts from then."""
    read = history(good_story(1))
    samples = latency.delivery(read)
    assert samples.ms[samples.intended_ns > read.events.zero_ns + 11e9].max() < 1000


def test_a_send_that_was_never_answered_is_a_sample_of_its_age(history, good_story):
    """To the moment at which it was given up, or the load ended with it still in its queue."""
    story = good_story(1)
    (given_up, *_), (refused, *_) = story.at(Kind.UNKNOWN), story.at(Kind.REJECT)
    story.change(refused, spare=0)  # without an attempt
    ack = latency.ack(history(story))
    for index in (given_up, refused):
        record = story.records[index]
        (at,) = np.flatnonzero(ack.intended_ns == record.ref_ns)
        assert ack.ms[at] == math.inf
        assert ack.lower_bound_ms[at] == pytest.approx((record.t_ns - record.ref_ns) / 1e6)


def test_a_delivery_that_never_came_was_waited_for_until_the_audit(history, good_story):
    """Its age is from the intended time to the end of the quiesce."""
    story = good_story(1)
    index = story.at(Kind.DELIVER)[-1]
    intended_ns = story.records[index].ref_ns
    story.drop([index])
    read = history(story)
    samples = latency.delivery(read)
    (at,) = np.flatnonzero(samples.ms == math.inf)
    age_ms = (read.events.phases["audit"] - intended_ns) / 1e6
    assert (samples.intended_ns[at], samples.lower_bound_ms[at]) == (
        intended_ns,
        pytest.approx(age_ms),
    )
