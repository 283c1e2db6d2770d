"""What the report states about a generator whose server was stopped."""

import pytest

from benchmarks.load import stall
from benchmarks.peers.reports import ReportedLatency


def test_a_reported_latency_is_shown_with_the_true_value_its_error_and_its_samples():
    run = stall._Run(2.0, ReportedLatency(18.0, 1980.0, 36000))
    assert run.errors == (pytest.approx(-99.0), pytest.approx(0.0))
    assert str(run) == (
        "p99 18 ms (-99.0 %), p99.9 1980 ms (+0.0 %); true: 1800 and 1980; "
        "36000 samples of 40000 planned"
    )


def test_a_generator_without_latencies_is_shown_with_what_it_sent():
    assert str(stall._RunWithoutLatencies(2.0, 35000)) == (
        "no latency of a message is recorded; true: 1800 and 1980; 35000 sent of 40000 planned"
    )


def test_the_median_run_is_shown():
    runs = [stall._Run(2.0, ReportedLatency(p99_ms, 0.0, 1)) for p99_ms in (3.0, 1.0, 2.0)]
    silent = [stall._RunWithoutLatencies(2.0, sent) for sent in (30, 10, 20)]
    assert stall._median_run(runs).reported.p99_ms == 2.0
    assert stall._median_run(silent).sent == 20
