"""Percentiles that cannot be improved by losing messages."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.kernel import vocabulary
from gauntlet.kernel.history import Kind
from reports import latency


def test_the_quantiles_are_the_vocabularys():
    """Every percentile that users may name is computed."""
    assert tuple(latency.QUANTILES) == vocabulary.PERCENTILES


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
    assert latency.table(np.array([])) == {**dict.fromkeys(latency.QUANTILES), "max": None} | {
        "samples": 0
    }


def test_latency_counts_from_the_intended_time(history, good_story):
    """A late attempt, and an op that was never answered, are the sender's experience."""
    story = good_story(1)
    read = history(story)
    ack = latency.ack(read)
    assert ack.ms.size == story.reconciliation["ops"]
    unacked = story.reconciliation["rejected"] + story.reconciliation["unknown"]
    assert np.isinf(ack.ms).sum() == unacked
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
