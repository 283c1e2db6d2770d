"""What the report states about a generator whose server was stopped."""

import pytest

from benchmarks.load import stall
from benchmarks.peers.reports import Claimed


def test_a_claim_is_shown_with_the_truth_its_error_and_its_samples():
    run = stall._Run(2.0, Claimed(18.0, 1980.0, 36000))
    assert run.errors == (pytest.approx(-99.0), pytest.approx(0.0))
    assert str(run) == (
        "p99 18 ms (-99.0 %), p99.9 1980 ms (+0.0 %); true: 1800 and 1980; "
        "36000 samples of 40000 planned"
    )


def test_a_generator_without_latencies_is_shown_with_what_it_sent():
    assert str(stall._Silent(2.0, 35000)) == (
        "no latency of a message is recorded; true: 1800 and 1980; 35000 sent of 40000 planned"
    )


def test_the_median_run_is_shown():
    claims = [stall._Run(2.0, Claimed(p99_ms, 0.0, 1)) for p99_ms in (3.0, 1.0, 2.0)]
    silent = [stall._Silent(2.0, sent) for sent in (30, 10, 20)]
    assert stall._middle(claims).claimed.p99_ms == 2.0
    assert stall._middle(silent).sent == 20
