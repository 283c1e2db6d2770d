"""What the generator says of its own health."""

import gc
import os
import time

import pytest

from gauntlet.scenarios.metrics import generator_health
from gauntlet.scenarios.metrics.generator_health import GeneratorHealth


@pytest.fixture
def own():
    """Closed at the end: a callback of the collector would outlive the test."""
    made = GeneratorHealth()
    yield made
    made.close()


def test_lateness_is_told_by_its_percentile_and_its_worst(own):
    """One late tick in two hundred is the worst, and not the p99."""
    for late_ms in (*[1] * 199, 80):
        own.record_delay(late_ms * 1_000_000)
    row = own.take()
    assert (row["loop_lag_p99_ms"], row["loop_lag_max_ms"]) == (1.0, 80.0)
    assert own.take()["loop_lag_max_ms"] is None


def test_cpu_is_a_share_of_the_time_since_the_last_row(own):
    """A thread that sleeps uses nothing; one that works uses its core, and both are this row's."""
    time.sleep(0.1)
    assert own.take()["engine_cpu_share"] < 0.5
    until_s = time.thread_time() + 0.1
    since_s = time.monotonic()
    while time.thread_time() < until_s:
        pass
    took_s = time.monotonic() - since_s
    row = own.take()
    assert row["engine_cpu_share"] == pytest.approx(0.1 / took_s, rel=0.3)
    assert row["process_cpu_share"] >= row["engine_cpu_share"] - 0.01


def test_descriptors_are_counted(own):
    """Ten more open files are ten more descriptors, of a limit."""
    before = own.take()
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(10)]
    try:
        after = own.take()
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert after["descriptors"] - before["descriptors"] == 10
    assert after["descriptors"] < after["descriptors_max"]


def test_a_garbage_collection_is_a_pause(own):
    """What the collector stopped us for is told; once."""
    gc.collect()
    assert own.take()["gc_pause_max_ms"] > 0


def test_a_closed_one_hears_of_no_collection():
    """Nothing of an engine that has ended stays in the collector's callbacks."""
    made = GeneratorHealth()
    made.close()
    assert made._on_gc not in gc.callbacks


def test_memory_is_this_processes():
    """A hundred megabytes more are seen."""
    before = generator_health.rss_bytes()
    held = b"x" * (100 * 2**20)
    assert generator_health.rss_bytes() - before > 90 * 2**20, len(held)
