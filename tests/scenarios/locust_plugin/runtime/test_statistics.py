"""Locust's statistics, as they are made of the engine's seconds."""

import pytest

from ..told import told


def test_locusts_own_table_keeps_three_figures():
    """Percentiles are not rounded to two digits, nor to whole milliseconds; failures have none."""
    found = told("""
        statistics = Statistics(environment)
        statistics.take(second([412] * 60 + [123_456] * 40))
        statistics.take(second([700], rejected=2, unknown=1))
        entry = environment.stats.get("message", "SEND")
        print(json.dumps({
            "entry": entry.to_dict(),
            "total": environment.stats.total.num_requests,
            "median": environment.stats.total.median_response_time,
            "p99": entry.get_response_time_percentile(0.99),
            "errors": [error.to_dict() for error in environment.stats.errors.values()],
        }))
    """)
    assert found["median"] == 0.412
    assert found["p99"] == pytest.approx(123.456, rel=0.001)
    assert (found["entry"]["num_requests"], found["total"]) == (104, 104)
    assert found["entry"]["num_failures"] == 3
    assert found["entry"]["avg_response_time"] == pytest.approx(
        (60 * 0.412 + 40 * 123.456 + 0.7) / 101
    )
    assert {(error["error"], error["occurrences"]) for error in found["errors"]} == {
        ("rejected", 2), ("unknown", 1),
    }  # fmt: skip


def test_workers_histograms_are_merged_exactly():
    """Two workers' seconds, shipped through Locust's own serialisation, are one worker's."""
    found = told("""
        from locust.rpc import Message
        from gauntlet.scenarios.metrics.histogram import Histogram
        one, two = [311, 5_000, 77_777], [12, 5_001]
        statistics = Statistics(environment)
        for worker, values in ((0, one), (1, two)):
            packed = Report.of(second(values, worker=worker)).pack()
            wire = Message("gauntlet-second", packed, f"w{worker}").serialize()
            statistics._on_second(environment, Message.unserialize(wire))
        whole = Histogram()
        whole.record(np.array(one + two, np.int64) * 1000)
        print(json.dumps({
            "same": statistics.board.run["response"].encode() == whole.encode(),
            "requests": environment.stats.total.num_requests,
            "least": environment.stats.total.min_response_time,
            "shipped": len(packed["lanes"]["response"][0]),
        }))
    """)
    assert found["same"]
    assert (found["requests"], found["least"]) == (5, 0.012)
    assert found["shipped"] < 500
