"""Every latency is in one cell of the heat map: that of its second and of its length."""

import math

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.metrics import heat_map
from gauntlet.reports.metrics.samples import collect


def of(intended_s, ms, seconds=4):
    took_ns = np.array([NEVER if math.isinf(each) else int(each * NS_PER_MS) for each in ms])
    intended_ns = (np.array(intended_s) * NS_PER_S).astype(np.int64)
    return heat_map.count(collect(intended_ns, took_ns), 0, seconds)


def test_a_latency_is_between_the_edges_of_its_cell():
    found = of([0.5, 2.5, 2.6], [3.0, 250.0, 260.0])
    (fast,) = np.flatnonzero(found["counts"][0])
    (slow,) = np.flatnonzero(found["counts"][2])
    assert found["edges_ms"][fast] <= 3.0 < found["edges_ms"][fast + 1]
    assert found["edges_ms"][slow] <= 250.0 < found["edges_ms"][slow + 1]
    assert found["counts"][2][slow] == 2
    assert np.sum(found["counts"]) == 3
    assert (fast, slow + 1) == (0, len(found["counts"][0]))


def test_what_never_happened_is_counted_apart():
    found = of([0.5, 1.5, 1.7], [3.0, math.inf, math.inf])
    assert found["never"] == [0, 2, 0, 0]
    assert np.sum(found["counts"]) == 1


def test_a_long_run_has_few_spans_and_loses_no_message():
    times = np.arange(0, 28_800, 7)
    found = of(times, np.full(times.size, 5.0), seconds=28_800)
    assert len(found["counts"]) <= heat_map.SPANS_MAX
    assert np.sum(found["counts"]) == times.size


def test_only_messages_that_never_arrived_have_a_map_too():
    found = of([0.5], [math.inf])
    assert np.sum(found["counts"]) == 0
    assert found["never"] == [1, 0, 0, 0]


def test_messages_before_and_after_the_load_are_left_out():
    assert np.sum(of([-1.0, 99.0, 1.0], [5.0, 5.0, 5.0])["counts"]) == 1
