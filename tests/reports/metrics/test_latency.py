"""Percentiles that a loss of messages cannot improve."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.history import Kind
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.samples import collect


def test_the_quantiles_are_those_that_the_names_of_indicators_contain():
    assert tuple(latency.QUANTILES) == ("p50", "p90", "p95", "p99", "p999")


def selection(values_ms, ages_ms=None):
    """Return samples of these latencies, and of these ages of what never happened."""
    values, ages = (
        np.array([NEVER if math.isinf(ms) else round(ms * 1e6) for ms in column], dtype=np.int64)
        for column in (values_ms, values_ms if ages_ms is None else ages_ms)
    )
    return collect(np.zeros_like(values), values, ages).between(0, 1)


@given(st.lists(st.integers(0, 10**10), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_value_that_covers_its_share(values_ns, quantile):
    """The definition of the nearest rank."""
    values = [each / 1e6 for each in values_ns]
    found = selection(values).percentile(quantile)
    covered = sum(value <= found for value in values)
    assert covered >= quantile * len(values)
    assert sum(value < found for value in values) < quantile * len(values)


@pytest.mark.parametrize(("lost", "expected"), [(0, 5.0), (1, 5.0), (2, math.inf)])
def test_a_p99_is_infinite_if_more_than_one_in_a_hundred_never_arrived(lost, expected):
    values = [5.0] * (100 - lost) + [math.inf] * lost
    assert selection(values).percentile(0.99) == expected


def test_no_samples_have_no_percentile():
    assert selection([]).percentile(0.5) is None
    assert selection([]).bounds([0.5]) == [None]
    assert latency.percentile_table(selection([])) == {
        **dict.fromkeys(latency.QUANTILES), "max": None,
        "samples": 0, "censored": 0, "at_least": [],
    }  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 10**10), st.integers(0, 10**10), st.booleans()), min_size=1),
    st.floats(0.01, 1),
)
def test_the_range_of_a_percentile_contains_the_true_value(samples, quantile):
    """Whatever the censored samples would have become."""
    ages = [age / 1e6 for age, _, _ in samples]
    values = [math.inf if pending else age / 1e6 for age, _, pending in samples]
    true = [(age + more if pending else age) / 1e6 for age, more, pending in samples]
    (found,) = selection(values, ages).bounds([quantile])
    assert found.lower <= selection(true).percentile(quantile) <= found.upper
    if not any(pending for _, _, pending in samples):
        assert found.exact


def test_a_percentile_below_the_censored_samples_is_exact():
    """One pending sample in ten leaves the median exact, and makes the p99 a lower bound."""
    row = latency.percentile_table(
        selection([5.0] * 90 + [math.inf] * 10, [5.0] * 90 + [2000.0] * 10)
    )
    assert (row["p50"], row["p99"], row["max"]) == (5.0, 2000.0, 2000.0)
    assert row["at_least"] == ["p95", "p99", "p999", "max"]
    assert (row["samples"], row["censored"]) == (100, 10)


def test_latency_counts_from_the_intended_time_for_every_op(history, good_story):
    story = good_story(1)
    read = history(story)
    ack = latency.ack(read)
    assert ack.size == story.reconciliation["ops"]
    intended_ns, ms, lower_bound_ms = ack.rows()
    refused, unknown = story.reconciliation["rejected"], story.reconciliation["unknown"]
    assert np.isinf(ms).sum() == refused + unknown
    assert (np.isinf(lower_bound_ms).sum(), (lower_bound_ms != ms).sum()) == (
        refused,
        unknown,
    )
    op = story.records[story.at(Kind.OP)[0]]
    (done,) = story.at(Kind.ACK, conv=op.conv, peer=op.peer, sseq=op.sseq)
    (took_ms,) = ms[intended_ns == op.ref_ns]
    assert took_ms == pytest.approx((story.records[done].t_ns - op.ref_ns) / 1e6)


def test_an_authors_own_echo_is_not_a_delivery_sample(history, good_story):
    read = history(good_story(1))
    others = int((~read.expected.own).sum())
    assert latency.delivery(read).size == others < read.expected.message.size


def test_a_delivery_after_an_absence_counts_from_the_return(history, good_story):
    read = history(good_story(1))
    intended_ns, ms, _ = latency.delivery(read).rows()
    assert ms[intended_ns > read.events.zero_ns + 11e9].max() < 1000


def test_an_unanswered_send_is_censored_at_its_age(history, good_story):
    """Until it was given up, or until the load ended while it was in its queue."""
    story = good_story(1)
    (given_up, *_), (refused, *_) = story.at(Kind.UNKNOWN), story.at(Kind.REJECT)
    story.change(refused, spare=0)  # without an attempt
    intended_ns, ms, lower_bound_ms = latency.ack(history(story)).rows()
    for index in (given_up, refused):
        record = story.records[index]
        (at,) = np.flatnonzero(intended_ns == record.ref_ns)
        assert ms[at] == math.inf
        assert lower_bound_ms[at] == pytest.approx((record.t_ns - record.ref_ns) / 1e6)


def test_a_missing_delivery_is_censored_at_the_audit(history, good_story):
    story = good_story(1)
    index = story.at(Kind.DELIVER)[-1]
    intended_ns = story.records[index].ref_ns
    story.drop([index])
    read = history(story)
    times_ns, ms, lower_bound_ms = latency.delivery(read).rows()
    (at,) = np.flatnonzero(ms == math.inf)
    age_ms = (read.events.phases["audit"] - intended_ns) / 1e6
    assert (times_ns[at], lower_bound_ms[at]) == (
        intended_ns,
        pytest.approx(age_ms),
    )


def sorted_rows(samples):
    """Return the columns of samples, sorted by intended time."""
    rows = samples.rows()
    order = np.argsort(rows[0], kind="stable")
    return [column[order] for column in rows]


def test_a_response_is_the_lag_of_the_generator_and_the_service(history, good_story):
    read = history(good_story(1))
    response, service, lag = latency.ack(read), latency.service(read), latency.lag(read)
    # All are sorted by the intended time, except that what never happened comes last.
    (_, response_ms, _), (_, service_ms, _), (_, lag_ms, _) = (
        sorted_rows(each) for each in (response, service, lag)
    )
    assert np.allclose(response_ms, service_ms + lag_ms)
    assert service_ms.min() >= 0


def test_the_service_of_a_send_without_an_answer_is_censored(history, break_it, good_story):
    story = good_story(1)
    break_it("withhold_what_was_not_answered", story)
    read = history(story)
    (_, service_ms, bound_ms), (_, _, response_bound_ms) = (
        sorted_rows(each) for each in (latency.service(read), latency.ack(read))
    )
    known = np.isfinite(bound_ms)
    assert (known & np.isinf(service_ms)).any()
    assert (known == np.isfinite(response_bound_ms)).all()
