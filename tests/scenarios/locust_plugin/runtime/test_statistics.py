"""Locust's statistics, computed from what engines report each second."""

import pytest

from ..child_script import run_script

pytestmark = pytest.mark.integration  # starts processes that import Locust


def test_locusts_own_table_keeps_three_significant_digits():
    """Percentiles are neither rounded to two digits nor to milliseconds; failures have none."""
    result = run_script("""
        statistics = Statistics(environment)
        statistics.add(report([412] * 60 + [123_456] * 40))
        statistics.add(report([700], rejected=2, unknown=1))
        entry = environment.stats.get("message", "SEND")
        print(json.dumps({
            "entry": entry.to_dict(),
            "total": environment.stats.total.num_requests,
            "median": environment.stats.total.median_response_time,
            "p99": entry.get_response_time_percentile(0.99),
            "errors": [error.to_dict() for error in environment.stats.errors.values()],
        }))
    """)
    assert result["median"] == 0.412
    assert result["p99"] == pytest.approx(123.456, rel=0.001)
    assert (result["entry"]["num_requests"], result["total"]) == (104, 104)
    assert result["entry"]["num_failures"] == 3
    assert result["entry"]["avg_response_time"] == pytest.approx(
        (60 * 0.412 + 40 * 123.456 + 0.7) / 101
    )
    assert {(error["error"], error["occurrences"]) for error in result["errors"]} == {
        ("rejected", 2), ("unknown", 1),
    }  # fmt: skip


def test_histograms_of_two_workers_are_merged_exactly():
    """Reports that travelled through Locust's own serialisation equal those of one worker."""
    result = run_script("""
        from locust.rpc import Message
        from gauntlet.scenarios.metrics.histogram import Histogram
        first, second = [311, 5_000, 77_777], [12, 5_001]
        statistics = Statistics(environment)
        for worker, values_us in ((0, first), (1, second)):
            packed = report(values_us, worker=worker).pack()
            transmitted = Message("gauntlet-second", packed, f"w{worker}").serialize()
            statistics.add(SecondReport.unpack(Message.unserialize(transmitted).data))
        whole = Histogram()
        whole.record(np.array(first + second, np.int64) * 1000)
        print(json.dumps({
            "same": statistics.series.run["response"].encode() == whole.encode(),
            "requests": environment.stats.total.num_requests,
            "min_ms": environment.stats.total.min_response_time,
            "encoded_bytes": len(packed["latencies"]["response"][0]),
        }))
    """)
    assert result["same"]
    assert (result["requests"], result["min_ms"]) == (5, 0.012)
    assert result["encoded_bytes"] < 500
