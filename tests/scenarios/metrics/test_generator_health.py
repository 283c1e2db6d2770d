"""What the generator reports of its own health."""

import gc
import os
import time

import pytest

from gauntlet.scenarios.metrics import generator_health
from gauntlet.scenarios.metrics.generator_health import GeneratorHealth


@pytest.fixture
def health():
    """It is closed at the end, because its callback in the garbage collector would remain."""
    health = GeneratorHealth()
    yield health
    health.close()


def test_one_late_tick_in_two_hundred_is_the_maximum_and_not_the_p99(health):
    for late_ms in (*[1] * 199, 80):
        health.record_delay(late_ms * 1_000_000)
    row = health.take_columns()
    assert (row["loop_lag_p99_ms"], row["loop_lag_max_ms"]) == (1.0, 80.0)
    assert health.take_columns()["loop_lag_max_ms"] is None


def test_cpu_is_a_share_of_the_time_since_the_last_row(health):
    time.sleep(0.1)
    before = time.monotonic(), time.thread_time()
    assert health.take_columns()["engine_cpu_share"] < 0.5
    after = time.monotonic(), time.thread_time()
    while time.thread_time() < after[1] + 0.1:
        pass
    ending = time.monotonic(), time.thread_time()
    row = health.take_columns()
    ended = time.monotonic(), time.thread_time()
    # A busy machine may interrupt the test anywhere, also between two readings of the clocks.
    least = (ending[1] - after[1]) / (ended[0] - before[0])
    most = (ended[1] - before[1]) / (ending[0] - after[0])
    assert 0.95 * least - 0.01 <= row["engine_cpu_share"] <= 1.05 * most + 0.01
    assert row["process_cpu_share"] >= row["engine_cpu_share"] - 0.01


def test_open_descriptors_are_counted(health):
    before = health.take_columns()
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(10)]
    try:
        after = health.take_columns()
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert after["descriptors"] - before["descriptors"] == 10
    assert after["descriptors"] < after["descriptors_max"]


def test_a_garbage_collection_is_reported_as_a_pause(health):
    gc.collect()
    assert health.take_columns()["gc_pause_max_ms"] > 0


def test_closing_removes_the_callback_from_the_garbage_collector():
    health = GeneratorHealth()
    health.close()
    assert health._on_gc not in gc.callbacks


def test_a_hundred_more_megabytes_are_reported():
    before = generator_health.rss_bytes()
    held = b"x" * (100 * 2**20)
    assert generator_health.rss_bytes() - before > 90 * 2**20, len(held)
