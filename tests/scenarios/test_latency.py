"""Latency recorders."""

import pytest
from hdrh.histogram import HdrHistogram

from scenarios.latency import NAMES, Latencies, percentile

MS = 1_000_000


def test_histograms_are_written_for_every_name(tmp_path):
    """Each file decodes to its samples, to three figures, in microseconds."""
    latencies = Latencies()
    for value_ms in range(1, 1001):
        latencies.add("delivery", value_ms * MS)
    latencies.write(tmp_path, 2)
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}-w2.hdr" for name in NAMES}
    decoded = HdrHistogram.decode((tmp_path / "delivery-w2.hdr").read_bytes())
    assert decoded.get_total_count() == 1000
    assert decoded.get_value_at_percentile(99) == pytest.approx(990_000, rel=0.001)


def test_a_second_is_taken_once_and_sorted():
    """The live row sees each sample exactly once."""
    latencies = Latencies()
    for value_ms in (3, 1, 2):
        latencies.add("lag", value_ms * MS)
    assert latencies.take_second()["lag"] == [1.0, 2.0, 3.0]
    assert latencies.take_second()["lag"] == []


def test_extremes_are_kept():
    """A clock that stepped back, and a wait of days, are samples too."""
    latencies = Latencies()
    latencies.add("service", -5)
    latencies.add("service", 10**18)
    assert len(latencies.take_second()["service"]) == 2


def test_percentiles_are_nearest_rank():
    """p99 of a hundred samples is the ninety-ninth; of none there is none."""
    ordered = [float(value) for value in range(1, 101)]
    assert percentile(ordered, 0.5) == 50.0
    assert percentile(ordered, 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.99) is None
