"""Latency recorders."""

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from gauntlet.scenarios.metrics.latency import NAMES, Latencies, percentile_ms

MS = 1_000_000


def test_histograms_are_written_for_every_name(tmp_path):
    """Each file decodes to its samples, taken or not, to three figures, in microseconds."""
    latencies = Latencies()
    for value_ms in range(1, 1001):
        latencies.record["delivery"](value_ms * MS)
        if value_ms == 600:
            latencies.take_second()
    latencies.write(tmp_path, 2)
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}-w2.hdr" for name in NAMES}
    decoded = HdrHistogram.decode((tmp_path / "delivery-w2.hdr").read_bytes())
    assert decoded.get_total_count() == 1000
    assert decoded.get_value_at_percentile(99) == pytest.approx(990_000, rel=0.001)


def test_a_second_is_taken_once_and_sorted():
    """The live row sees each sample exactly once."""
    latencies = Latencies()
    for value_ns in (3, 1, 2):
        latencies.record["lag"](value_ns)
    assert latencies.take_second()["lag"].tolist() == [1, 2, 3]
    assert latencies.take_second()["lag"].tolist() == []


def test_a_second_may_be_counted_in_parts(tmp_path):
    """What was counted in between is in the second, in order, and once in the histogram."""
    latencies = Latencies()
    record = latencies.record["lag"]
    for part in range(3):
        for value_ms in range(2_500):
            record((value_ms * 3 + part) * MS)
        latencies.count_batches()
    record(MS)
    second_ms = (latencies.take_second()["lag"] // MS).tolist()
    assert second_ms == sorted([1, *range(7_500)])
    latencies.write(tmp_path, 0)
    decoded = HdrHistogram.decode((tmp_path / "lag-w0.hdr").read_bytes())
    assert decoded.get_total_count() == 7_501


def test_a_recorder_may_be_kept():
    """A hot path holds on to `record[name]` for the whole run: it stays the same."""
    latencies = Latencies()
    record = latencies.record["response"]
    record(7)
    assert latencies.take_second()["response"].tolist() == [7]
    record(8)
    assert latencies.take_second()["response"].tolist() == [8]


def test_negative_and_very_long_latencies_are_samples(tmp_path):
    """A clock that stepped back, and a wait of days, are samples too."""
    latencies = Latencies()
    latencies.record["service"](-5)
    latencies.record["service"](10**18)
    assert len(latencies.take_second()["service"]) == 2
    latencies.write(tmp_path, 0)
    decoded = HdrHistogram.decode((tmp_path / "service-w0.hdr").read_bytes())
    assert (decoded.get_total_count(), decoded.get_min_value()) == (2, 0)


def test_percentiles_are_nearest_rank():
    """p99 of a hundred samples is the ninety-ninth; of none there is none."""
    ordered_ns = np.arange(1, 101) * MS
    assert percentile_ms(ordered_ns, 0.5) == 50.0
    assert percentile_ms(ordered_ns, 0.99) == 99.0
    assert percentile_ms(np.array([7_400]), 0.99) == 0.007
    assert percentile_ms(np.array([], np.int64), 0.99) is None
